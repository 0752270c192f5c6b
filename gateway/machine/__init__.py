"""This machine's resources: processes, ports, descriptors."""
