"""What TLS at the front costs, beside nginx and Caddy."""
