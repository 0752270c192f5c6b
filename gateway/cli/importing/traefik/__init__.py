"""Reads the configuration of Traefik: files in YAML and TOML, and labels of containers."""
