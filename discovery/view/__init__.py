"""What is registered, as an immutable value that follows the registry."""
