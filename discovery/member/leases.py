"""How long the registry believes a gateway without another word, and when what it did not take is said again."""

#: Of a gateway, and of each of its workers.
LEASE_S = 3.0
RETRY_S = 0.5
