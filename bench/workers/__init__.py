"""What several workers of a gateway bring, and what each of them costs."""
