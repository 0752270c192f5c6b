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


def turn_of(key: str, worker: str, workers: Sequence[str]) -> int:
    """How many of these workers come before this one; 0 is the owner, and who is not among them comes last."""
    if worker not in workers:
        return len(workers)
    weight = _weight(worker, key)
    return sum(_weight(other, key) > weight for other in workers if other != worker)


def _weight(worker: str, key: str) -> bytes:
    return blake2b(f"{worker} {key}".encode(), digest_size=8).digest()
