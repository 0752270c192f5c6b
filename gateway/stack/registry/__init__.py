"""The registry's server: one that is given, one that is found, or the stack's own."""
