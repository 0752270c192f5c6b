"""Decides when a certificate is ordered, and reads what the registry has of them; no I/O, no clock."""
