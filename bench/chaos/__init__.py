"""Faults under load: real processes, a steady stream of requests, and a count of what clients saw."""
