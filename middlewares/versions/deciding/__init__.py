"""What versions decide, without I/O."""
