"""A worker: its parts, each made once, and what it does beside its requests."""
