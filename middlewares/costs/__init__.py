"""Reads from an answer what its request has cost."""
