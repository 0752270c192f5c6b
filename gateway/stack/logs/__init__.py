"""The logs of a stack: files of limited size, read as one stream."""
