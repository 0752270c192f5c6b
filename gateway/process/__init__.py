"""The gateway's process: bind, wait for a view, serve, drain."""
