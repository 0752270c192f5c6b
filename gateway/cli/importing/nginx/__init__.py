"""Reads the configuration of nginx."""
