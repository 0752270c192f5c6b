"""Requests in which an upstream might read differently than the gateway does."""
