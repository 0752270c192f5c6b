"""Limits for the connections to one instance; each is a setting."""

from dataclasses import dataclass, replace

from gateway.machine.shares import Share


@dataclass(frozen=True, slots=True)
class UpstreamLimits:
    """`connections` is how many there may be at once (0: no limit); a request waits `wait_s` for one.

    `head_bytes` is the longest head of a response.
    """

    connections: int = 0
    wait_s: float = 1.0
    head_bytes: int = 64 * 1024

    def shared(self, share: Share) -> "UpstreamLimits":
        """The limits of one worker."""
        return replace(self, connections=share.of(self.connections))
