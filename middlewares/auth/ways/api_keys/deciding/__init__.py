"""What is decided about keys, without I/O."""
