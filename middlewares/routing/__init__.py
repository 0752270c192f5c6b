"""Finds the service that a request belongs to."""
