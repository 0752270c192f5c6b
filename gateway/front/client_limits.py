"""What a client may take its time for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """The limits for a client; each is a setting, and 0 means no limit.

    `body_idle_s` is the longest pause in a body, and `body_rate` the least number of its bytes a second:
    see `gateway.front.request_body.is_too_slow`. `send_s` is how long a client may read nothing.
    """

    body_idle_s: float = 60.0
    body_rate: int = 0
    send_s: float = 60.0
