"""Compression: answers are sent in a content coding that the client accepts."""
