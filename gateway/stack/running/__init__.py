"""What runs of a stack, and where it is found."""
