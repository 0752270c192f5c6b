"""Which worker of a gateway probes an instance: rendezvous hashing.

When a worker comes or goes, only its own share of the instances changes hands.
"""

from collections.abc import Sequence
from hashlib import blake2b


def owner_of(key: str, workers: Sequence[str]) -> str:
    """The worker that owns this instance; every worker finds the same one. There must be one at least."""
    if len(workers) == 1:
        return workers[0]
    return max(workers, key=lambda worker: _weight(worker, key))


def _weight(worker: str, key: str) -> bytes:
    return blake2b(f"{worker} {key}".encode(), digest_size=8).digest()
