"""Puts the configuration file in force, at the start and again when it changes."""
