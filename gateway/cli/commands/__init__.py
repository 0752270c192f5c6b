"""The commands, one per module: their arguments; the work is imported when one is called."""
