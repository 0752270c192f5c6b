"""Finds the configured route of a request: values and decisions, without I/O."""
