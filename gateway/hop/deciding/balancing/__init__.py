"""Decides which candidate gets a request: a module for each way of balancing."""
