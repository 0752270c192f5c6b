"""The configuration file: read with positions, checked as a whole, every mistake in one line."""
