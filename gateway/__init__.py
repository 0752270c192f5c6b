"""Lockgate's gateway: the application, its process, and the stack around it."""
