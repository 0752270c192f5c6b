"""The hop's decisions: pure, from values alone."""
