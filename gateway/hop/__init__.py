"""The hop: choose an instance, try, decide again."""
