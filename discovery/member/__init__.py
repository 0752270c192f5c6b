"""What a gateway does for the registry."""
