"""What a gateway is to the registry."""
