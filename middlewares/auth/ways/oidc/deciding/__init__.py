"""Decides about log-ins and sessions: pure, without clock, randomness of its own, or I/O."""
