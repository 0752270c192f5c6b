"""Rolls, and the ends of single workers, while clients send everything that there is."""
