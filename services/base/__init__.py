"""The base of every example service."""
