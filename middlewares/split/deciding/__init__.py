"""What a split decides: pure functions of weights, identities, counts and times."""
