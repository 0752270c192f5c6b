"""What a token and a key must be, without I/O and clock."""
