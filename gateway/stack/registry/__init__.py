"""The registry's server: a given one, one that is found, or one of the stack's own."""
