"""The logs of a stack: files that are kept small, read as one stream."""
