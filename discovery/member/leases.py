"""How long a gateway's word lasts in the registry, and when it repeats what did not get through."""

#: The lease of a gateway, and of each of its workers.
LEASE_S = 3.0
RETRY_S = 0.5
