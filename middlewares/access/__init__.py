"""Admits and refuses clients of a route by their addresses."""
