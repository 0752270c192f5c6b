"""Instances, addresses and settings as values, without I/O."""
