"""A worker: its objects, each made once, and its work beside its requests."""
