"""What this machine has and may do: processes, ports, descriptors."""
