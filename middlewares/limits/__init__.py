"""Limits how many requests a client may make."""
