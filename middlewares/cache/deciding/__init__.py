"""What the cache decides: pure, and `now` is an argument."""
