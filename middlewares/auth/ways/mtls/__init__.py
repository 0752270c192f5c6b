"""Certificates that clients show when they connect."""
