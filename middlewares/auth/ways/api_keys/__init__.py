"""The way `api_key`: keys that are kept in the registry."""
