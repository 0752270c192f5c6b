"""Finds out which version of a service a request is for, and says which one has answered."""
