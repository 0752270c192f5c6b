"""What rules make of heads, targets and bodies: pure, without I/O and clock."""
