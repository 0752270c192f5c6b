"""Measures the gateway and its peers side by side; see README.md."""
