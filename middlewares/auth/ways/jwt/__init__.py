"""The way `jwt`: signed tokens of an issuer, checked here with its keys."""
