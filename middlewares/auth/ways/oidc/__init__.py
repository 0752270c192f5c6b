"""The way `oidc`: people log in at a provider, and have a session (OpenID Connect, RFC 9700)."""
