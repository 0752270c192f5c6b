"""What limits there are, and what clients are told of them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

#: The fields that tell clients their limits (draft-ietf-httpapi-ratelimit-headers-11), lower-case. On a
#: limited route ours replace those of an upstream.
LIMIT_FIELDS = frozenset([b"ratelimit-policy", b"ratelimit"])
#: Up to this limit the log is exact to the millisecond; above it, a window has this many steps.
EXACT_UP_TO = 500
#: The longest step, so that nobody is told to wait for longer than the window and a second.
MOST_US = 1_000_000
#: Replaces the limit in a charge that is made even without room.
NO_LIMIT = 2**53 - 1

#: The limit that every gateway has: RATE_LIMIT_REQUESTS and RATE_LIMIT_WINDOW make it.
DEFAULT_POLICY = "default"
#: Whose requests are counted together.
By = Literal["client", "service", "route", "everyone", "header"]


@dataclass(frozen=True, eq=False)
class Policy:
    """At most `requests` in any interval of `window_us` microseconds; 0 requests: no limit.

    `by` says whose requests are counted together: a client's, those for a service, those of a route,
    everyone's, or those with the same value of the field `header`, which is in lower case.

    With `counts`, answers with these statuses are limited: a request is admitted while there is room,
    and charged once its answer is known. Concurrent requests may then exceed the limit together.

    A policy is part of every check's key, so it is compared by identity, which is quick. What is
    remembered about a policy is forgotten with it.
    """

    name: str
    requests: int
    window_us: int
    counts: frozenset[int] = frozenset()
    by: By = "client"
    header: bytes = b""

    @cached_property
    def window_s(self) -> int:
        """The window that clients are told, in whole seconds, rounded up."""
        return -(-self.window_us // 1_000_000)

    @cached_property
    def resolution_us(self) -> int:
        """The step that stamps are rounded up to, in microseconds."""
        if self.requests <= EXACT_UP_TO:
            return 1000
        return min(MOST_US, max(1000, -(-self.window_us // EXACT_UP_TO)))

    @cached_property
    def argument(self) -> tuple[int, int, int, int]:
        """The policy's arguments for rate_limit.lua; the last is 0 if an admission is not charged."""
        return self.requests, self.window_us, self.resolution_us, int(not self.counts)

    @cached_property
    def charged_anyway(self) -> tuple[int, int, int, int]:
        """The policy's arguments for a charge that is made even without room."""
        return NO_LIMIT, self.window_us, self.resolution_us, 1

    @cached_property
    def item(self) -> bytes:
        """The policy's name as an item of the fields."""
        return f'"{self.name}"'.encode("ascii")

    @cached_property
    def described(self) -> bytes:
        """The policy's element in RateLimit-Policy."""
        return b"%b;q=%d;w=%d" % (self.item, self.requests, self.window_s)
