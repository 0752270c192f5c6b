"""What mirrors decide, without I/O."""
