"""Outliers and breakers of a file in the form that the hop works with, and in words."""

from collections.abc import Iterator

from gateway.config.file.outliers import Breaker as BreakerSection
from gateway.config.file.outliers import Outliers as OutliersSection
from middlewares.routing.policy import Breaker, Outliers, RoutePolicy


def outliers_of(section: OutliersSection | None) -> Outliers | None:
    if section is None:
        return None
    return Outliers(section.failures, section.rate, section.latency, section.eject_s, section.most)


def breaker_of(section: BreakerSection | None) -> Breaker | None:
    return None if section is None else Breaker(section.open_for_s)


def rows(policy: RoutePolicy) -> Iterator[tuple[str, str]]:
    """What a service has of the two, by key, in words."""
    outliers, breaker = policy.outliers, policy.breaker
    if outliers is not None:
        reasons = []
        if outliers.failures:
            reasons.append(f"{outliers.failures} failures in a row")
        if outliers.rate:
            reasons.append(f"{outliers.rate:.0%} failures")
        if outliers.latency:
            reasons.append(f"{outliers.latency:g} times as late")
        out = f"{outliers.eject_s:g} s times n, {outliers.most:.0%} of them at most"
        yield "outliers", f"{' or '.join(reasons)}: out for {out}" if reasons else "no reason"
    if breaker is not None:
        yield "breaker", f"open for {breaker.open_for_s:g} s"
