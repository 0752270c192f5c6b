"""Connections to instances: send a head and a body, get a head and a body."""
