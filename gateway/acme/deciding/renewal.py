"""Which certificates are ordered now: those that are missing, and those that end soon."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.acme.spec import Challenge

#: A certificate is renewed at the latest when this share of its life is left.
LEAST_LEFT = 1 / 3
#: None is longer: one that is was written by a gateway with a wrong clock, or this one's is wrong.
LONGEST_PAUSE_S = 2 * 86400.0


@dataclass(frozen=True, slots=True)
class Term:
    """The names of a certificate, and from when to when it is valid, Unix s."""

    names: frozenset[str]
    begins_s: float
    ends_s: float

    def due_at_s(self, renew_before_s: float) -> float:
        """When it is renewed: that long before its end, or at a third of its life if that is later."""
        return self.ends_s - min(renew_before_s, (self.ends_s - self.begins_s) * LEAST_LEFT)

    def serves(self, domain: str, now_s: float) -> bool:
        """Whether clients of the domain accept it now, as far as its names and its end tell."""
        return domain in self.names and now_s < self.ends_s

    def replaces(self, other: "Term | None", domain: str, now_s: float) -> bool:
        """Whether this one is served in place of another one: of two that serve, the later one."""
        if not self.serves(domain, now_s):
            return False
        return other is None or not other.serves(domain, now_s) or self.begins_s > other.begins_s


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last order for a domain, if it has not succeeded: failures in a row, when it is tried again, why.

    `why` is empty while the order is under way: it counts as failed until it has succeeded, so that a
    gateway that is killed in its midst waits too.
    """

    failures: int
    again_at_s: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done: certificates that the registry has lost, and domains to order one for."""

    put_back: tuple[str, ...] = ()
    order: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.put_back or self.order)


def work(
    domains: Sequence[str],
    *,
    shared: Mapping[str, Term],
    own: Mapping[str, Term],
    attempts: Mapping[str, Attempt],
    paused_until_s: float,
    renew_before_s: float,
    now_s: float,
) -> Work:
    """What is to be done for these domains.

    `shared` are the certificates of the registry by domain, `own` those that this gateway serves. A
    registry that has lost them gets them back: no authority is asked for what a gateway still has.
    """
    put_back, order = [], []
    for domain in domains:
        best = shared.get(domain)
        mine = own.get(domain)
        if mine is not None and mine.replaces(best, domain, now_s):
            put_back.append(domain)
            best = mine
        serves = best is not None and best.serves(domain, now_s)
        if serves and best is not None and now_s < best.due_at_s(renew_before_s):
            continue
        attempt = attempts.get(domain)
        waits_until_s = max(paused_until_s, attempt.again_at_s if attempt else 0.0)
        if not now_s < waits_until_s <= now_s + LONGEST_PAUSE_S:
            order.append(domain)
    return Work(tuple(put_back), tuple(order))


def challenge_for(
    offered: Sequence[str], allowed: Sequence[Challenge], failures: int
) -> Challenge | None:
    """The challenge to answer: after a failure the next of those that are allowed and offered."""
    both = [one for one in allowed if one in offered]
    return both[failures % len(both)] if both else None
