"""Copies of requests to other instances, and how their answers differ."""
