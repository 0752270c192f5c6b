"""The hop's decisions, as pure functions."""
