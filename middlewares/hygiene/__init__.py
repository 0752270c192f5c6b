"""Refuses requests that an upstream might read differently than the gateway."""
