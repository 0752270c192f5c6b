"""Finds the instances that a request may go to."""
