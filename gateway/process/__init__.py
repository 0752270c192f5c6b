"""The gateway's process: bind, be ready, serve, drain."""
