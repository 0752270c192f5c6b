"""Authenticates clients and says which of them may use a route."""
