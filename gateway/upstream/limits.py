"""What an exchange with an instance may take; each is a setting."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UpstreamLimits:
    """Seconds and bytes; 0 seconds or connections: no limit.

    `head_s` runs from the last byte that the instance was sent to the response's head, `idle_s`
    between two pieces of its body, `total_s` over the whole exchange, all its attempts together.
    `wait_s` is the time to wait for one of `connections`, the most that there may be to one instance.
    """

    connect_s: float = 2.0
    head_s: float = 30.0
    idle_s: float = 300.0
    total_s: float = 0.0
    connections: int = 0
    wait_s: float = 1.0
    head_bytes: int = 64 * 1024
