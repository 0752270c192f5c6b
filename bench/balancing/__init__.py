"""Simulates ways of balancing with the product's own decisions, on simulated time."""
