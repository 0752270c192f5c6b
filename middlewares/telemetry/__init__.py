"""Correlation IDs, logs and metrics."""
