"""Who may change the registry, and who sees more than the public."""
