"""TLS at the front: certificates by server name, handshakes, and connections over TLS."""
