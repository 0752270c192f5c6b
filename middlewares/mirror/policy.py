"""Where a route's requests are copied to, and how the two answers are compared."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a gateway without a file loads nothing of this
    from middlewares.version_ranges import VersionRange

#: Methods that change nothing (RFC 9110, section 9.2.1; RFC 10008).
SAFE = frozenset(["GET", "HEAD", "OPTIONS", "QUERY"])


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared of two answers beside their statuses.

    `headers` are names in lower case. `ignored` are JSON pointers by their tokens, in which `*` is any member
    or element. `values`: reports and the log show what differs, and not only of what kind it is.
    """

    headers: tuple[bytes, ...] = ()
    json: bool = False
    ignored: tuple[tuple[str, ...], ...] = ()
    values: bool = False


@dataclass(frozen=True, slots=True)
class MirrorPolicy:
    """One mirror of a route.

    Copies go to instances of `service` (None: the route's own) whose version is in `versions`. `share` is in
    percent. `credentials`: the copy has them too. A copy and its answer take at most `timeout_s`; at most
    `in_flight` copies are under way at a time, and a request whose body has more than `body_bytes` is not
    copied.
    """

    service: str | None = None
    versions: "VersionRange | None" = None
    share: float = 100.0
    comparison: Comparison = Comparison()
    methods: frozenset[str] = SAFE
    credentials: bool = False
    timeout_s: float = 10.0
    in_flight: int = 20
    body_bytes: int = 64 * 1024

    @property
    def name(self) -> str:
        """What logs, metrics and reports call it."""
        return self.service or str(self.versions)
