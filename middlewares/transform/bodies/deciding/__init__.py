"""Edits of JSON that leave each byte of what they do not touch: pure, without I/O and clock."""
