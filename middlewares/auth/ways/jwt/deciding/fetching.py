"""When an issuer's keys are fetched: ahead of time by a plan, and seldom for a kid that nobody knows."""

import re
from collections.abc import Callable, Iterable
from typing import Final

#: The shortest time between two fetches by the plan.
LEAST_S: Final = 1.0
#: A fetch that failed is repeated after this time at most: without keys, and with good ones.
MOST_WITHOUT_S: Final = 5.0
MOST_WITH_S: Final = 30.0
#: A kid that nobody knows starts a fetch this long after the last one that did, and not sooner.
UNKNOWN_KID_S: Final = 30.0

_MAX_AGE = re.compile(r"max-age\s*=\s*\"?([0-9]{1,10})\"?", re.IGNORECASE | re.ASCII)


def max_age_s(cache_control: Iterable[str], age: str | None = None) -> int | None:
    """For how many seconds an answer stays fresh (RFC 9111 §5.2.2.1, §5.1); None: it does not say."""
    for directive in ",".join(cache_control).split(","):
        found = _MAX_AGE.fullmatch(directive.strip())
        if found is not None:
            spent = int(age) if age is not None and re.fullmatch(r"[0-9]{1,10}", age) else 0
            return max(0, int(found[1]) - spent)
    return None


def after_success_s(max_age: int | None, refresh_s: float, rng: Callable[[], float]) -> float:
    """The pause before the next fetch: half of what the answer is good for, from LEAST_S to `refresh_s`."""
    pause = refresh_s if max_age is None else max_age / 2
    # Many gateways that began together shall not ask together.
    return max(LEAST_S, min(pause, refresh_s) * (0.9 + 0.1 * rng()))


def after_failure_s(
    failures: int, refresh_s: float, rng: Callable[[], float], *, has_keys: bool
) -> float:
    """The pause after the `failures`-th fetch in a row that brought nothing: twice as long each time."""
    most = min(refresh_s, MOST_WITH_S) if has_keys else MOST_WITHOUT_S
    pause = min(most, LEAST_S * (1 << min(failures - 1, 10)))
    return max(LEAST_S / 2, pause * (0.5 + 0.5 * rng()))


class UnknownKids:
    """Lets one kid at a time be looked for, and remembers no other: so made-up ones cost no memory."""

    def __init__(self) -> None:
        self.looked_for: str | None = None
        self._not_before_s = float("-inf")

    def may_fetch(self, kid: str, now_s: float) -> bool:
        """Whether this kid starts a fetch now (s of any clock that never goes back)."""
        if now_s < self._not_before_s:
            return False
        self._not_before_s = now_s + UNKNOWN_KID_S
        self.looked_for = kid
        return True

    def done(self) -> None:
        """The fetch has ended."""
        self.looked_for = None
