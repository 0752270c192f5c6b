"""Imports the configuration of other gateways: a reader for each kind, one structure, one writer."""
