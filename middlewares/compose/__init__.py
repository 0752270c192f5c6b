"""Composition: one answer that is put together from the answers of several services."""
