"""Faults under load: real processes, a steady stream of requests, and a count of clients' losses."""
