"""Which listening socket several workers share: a trial of the ways, with small real servers (decision 32)."""
