"""What is remembered: a shared cache as RFC 9111 says."""
