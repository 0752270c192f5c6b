"""The split of a route: which share of its clients gets which version, and when that changes by itself."""
