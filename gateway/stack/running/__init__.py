"""What runs of a stack, and where to reach it."""
