"""The ways in which servers may read an ambiguous path."""

import re
from typing import Final

from middlewares.routing.matching.paths import decoded

#: An ambiguous path that is longer, or has more readings, is not read in every way: see `readings`.
LONGEST: Final = 1024
MOST: Final = 64

_DECODINGS: Final = 2
_PARAMETERS = re.compile(r";[^/]*")
_SLASHES = re.compile(r"/{2,}")
_END = re.compile(r"[\0#].*", re.DOTALL)


def readings(path: str) -> frozenset[str] | None:
    """All that servers make of a path; None if these are too many to be listed.

    A server may decode it once or twice, take a backslash for a slash, cut parameters off segments, merge
    slashes, resolve dots and end it at a NUL or a `#`, in any order; each of these or none.
    """
    if len(path) > LONGEST:
        return None
    found: dict[str, int] = {path: _DECODINGS}
    waiting = [path]
    while waiting:
        text = waiting.pop()
        left = found[text]
        made = [
            (text.replace("\\", "/"), left),
            (_PARAMETERS.sub("", text), left),
            (_SLASHES.sub("/", text), left),
            (_END.sub("", text), left),
            *((resolved, left) for resolved in _without_dots(text)),
        ]
        if left and "%" in text:
            made.append((decoded(text), left - 1))
            made.append((_by_segment(text), left - 1))
        for other, decodings in made:
            if decodings > found.get(other, -1):
                found[other] = decodings
                waiting.append(other)
        if len(found) > MOST:
            return None
    return frozenset(found)


def _by_segment(path: str) -> str:
    """The path decoded by a server that took it apart before, so that an encoded slash parts nothing."""
    return "/".join(decoded(part).replace("/", "%2F") for part in path.split("/"))


def _without_dots(path: str) -> tuple[str, ...]:
    """The path with its dots resolved (RFC 3986 §5.2.4), as it is and without the slash at its end."""
    if "/." not in path:
        return ()
    kept: list[str] = []
    parts = path[1:].split("/")
    for part in parts:
        if part == "..":
            del kept[-1:]
        elif part != ".":
            kept.append(part)
    resolved = "/" + "/".join(kept)
    if parts[-1] in (".", "..") and kept:
        return resolved, resolved + "/"
    return (resolved,)
