"""The stack of `make up`: registry, services and gateway, supervised in the background."""
