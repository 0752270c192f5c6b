"""The gateway's environment, checked once."""
