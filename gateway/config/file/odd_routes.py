"""What a route says that is allowed, but is hardly what was meant."""

import re
from collections.abc import Iterator

from gateway.config.file.nodes import Path
from gateway.config.file.routes import Route
from gateway.config.file.split import Split, is_service
from gateway.config.file.wording import quoted
from middlewares.version_ranges import parse_range

TO_ITSELF = "leads to what this route takes, so clients would be redirected again and again"
#: A value as other routers write it.
_COLON = re.compile(r":([A-Za-z_][A-Za-z0-9_]*)")


def odd(route: Route) -> Iterator[tuple[Path, str]]:
    """Where a route is odd, and why."""
    if _leads_to_itself(route):
        yield ("redirect",), TO_ITSELF
    if route.split is not None:
        yield from odd_split(route.split)
    for key, path in (("path", route.match.path), ("prefix", route.match.prefix)):
        for segment in path.text.split("/") if path else ():
            why = _meant_otherwise(segment, key)
            if why:
                yield ("match", key), f"{quoted(segment)} is taken as it stands; {why}"


def odd_split(split: Split) -> Iterator[tuple[Path, str]]:
    """Where a split is odd, and why."""
    ranges = [(name, parse_range(name)) for name in split.shares if not is_service(name)]
    for index, (name, one) in enumerate(ranges):
        for other, another in ranges[:index]:
            if one.overlaps(another):
                yield (
                    ("split", "shares", name),
                    f"some versions are in {quoted(other)} too, so their instances serve both shares",
                )
                break
    canary = split.meant_canary
    if split.steps and canary is not None and not split.shares[canary]:
        yield (
            ("split", "steps"),
            "no step follows while the canary has 0: give it the first step in shares",
        )


def _meant_otherwise(segment: str, key: str) -> str:
    """What a segment was probably meant to be; empty if it is nothing else."""
    value = _COLON.fullmatch(segment)
    if value is not None:
        where = "" if key == "path" else " in match.path"
        return f"any one segment is {{{value[1]}}}{where}"
    return (
        "a prefix takes all that is below it, and {name} any one segment" if "*" in segment else ""
    )


def _leads_to_itself(route: Route) -> bool:
    """Whether a redirect leads to the host that was asked, and to a path that the route takes."""
    to, match = route.redirect, route.match
    if to is None or to.scheme or to.host or to.port:
        return False
    path = to.path or to.prefix
    if path is None or match.path is not None:
        return path is not None and path == match.path
    taken = "" if match.prefix is None else match.prefix.text.rstrip("/")
    return f"{path.text}/".startswith(f"{taken}/")
