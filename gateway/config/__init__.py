"""What the gateway is told from outside: its environment, checked once."""
