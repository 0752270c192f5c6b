"""Finds out who a request comes from."""
