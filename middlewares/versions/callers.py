"""Counts who still calls which version: the most frequent callers by name, the others together."""

from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

#: So many callers of one version of a route are known by name.
MOST_CALLERS = 50
#: So many versions of routes are counted; a further one takes the place of the one that was called longest ago.
MOST_VERSIONS = 2_000
#: So much of a name is kept.
MOST_CHARACTERS = 64

_OF_A_TOKEN = frozenset(
    "!#$%&'*+.^_`|~-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)


class Caller(NamedTuple):
    """Who calls: the subject of its credential, or else the product that its User-Agent names first."""

    by: Literal["subject", "agent"]
    name: str


NOBODY = Caller("agent", "")


@dataclass(slots=True)
class Seen:
    """How often a caller was seen, and when last (Unix time).

    `missed`: this many of `requests` may have been those of callers whose place it took.
    """

    requests: int
    missed: int
    last_s: float


@dataclass(slots=True)
class Calls:
    """The calls of one version on one route.

    `callers` are kept by the Space-Saving algorithm (Metwally, Agrawal, El Abbadi 2005): whoever makes more
    than one of MOST_CALLERS requests is among them, in whatever order they come.
    """

    requests: int = 0
    #: Of `requests` those that were refused, since the version is gone.
    refused: int = 0
    last_s: float = 0.0
    callers: dict[Caller, Seen] = field(default_factory=dict)

    def count(self, caller: Caller, now_s: float, *, refused: bool) -> None:
        self.requests += 1
        self.refused += refused
        self.last_s = now_s
        seen = self.callers.get(caller)
        if seen is not None:
            seen.requests += 1
            seen.last_s = now_s
        elif len(self.callers) < MOST_CALLERS:
            self.callers[caller] = Seen(1, 0, now_s)
        else:
            rarest = min(self.callers, key=self._requests_of)
            taken = self.callers.pop(rarest).requests
            self.callers[caller] = Seen(taken + 1, taken, now_s)

    def ranked(self) -> list[tuple[Caller, int, float]]:
        """The callers, each with how many requests are surely its own, and when the last one came."""
        rows = [
            (who, seen.requests - seen.missed, seen.last_s) for who, seen in self.callers.items()
        ]
        return sorted(rows, key=lambda row: (-row[1], row[0]))

    @property
    def others(self) -> int:
        """The requests that are of no caller in `ranked`, or may not be."""
        return self.requests - sum(seen.requests - seen.missed for seen in self.callers.values())

    def _requests_of(self, caller: Caller) -> int:
        return self.callers[caller].requests


class VersionCalls:
    """What was called through this worker since it began, by route and version."""

    def __init__(self) -> None:
        #: Requests by route and deprecated range.
        self.deprecated: Counter[tuple[str, str]] = Counter()
        self._calls: OrderedDict[tuple[str, str], Calls] = OrderedDict()

    def count(
        self,
        route: str,
        version: str,
        caller: Caller,
        now_s: float,
        *,
        is_deprecated: bool = False,
        refused: bool = False,
    ) -> None:
        key = (route, version)
        if is_deprecated:
            self.deprecated[key] += 1
        calls = self._calls.get(key)
        if calls is None:
            if len(self._calls) >= MOST_VERSIONS:
                self._calls.popitem(last=False)
            calls = self._calls[key] = Calls()
        else:
            self._calls.move_to_end(key)
        calls.count(caller, now_s, refused=refused)

    def of_route(self, route: str) -> Iterator[tuple[str, Calls]]:
        """The versions that were called on a route."""
        return ((version, calls) for (name, version), calls in self._calls.items() if name == route)

    def __iter__(self) -> Iterator[tuple[str, str, Calls]]:
        return iter([(route, version, calls) for (route, version), calls in self._calls.items()])


def caller_of(subject: str | None, user_agent: str) -> Caller:
    """Who calls; `user_agent` is the field's value."""
    if subject is not None:
        return Caller("subject", subject[:MOST_CHARACTERS])
    # The first product is the most significant one (RFC 9110 §10.1.5).
    product = user_agent[: MOST_CHARACTERS + 1].partition(" ")[0].partition("/")[0]
    if not product:
        return NOBODY
    return Caller(
        "agent", "".join(c if c in _OF_A_TOKEN else "?" for c in product)[:MOST_CHARACTERS]
    )
