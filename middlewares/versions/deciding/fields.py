"""The fields that tell of versions."""

from email.utils import formatdate
from functools import lru_cache

from middlewares.head_changes import FieldEdits, marks_of
from middlewares.versions.policy import Deprecated

SERVED = b"X-Served-Version"
_SERVED_LOWER = SERVED.lower()
_SERVED_MARKS = marks_of([_SERVED_LOWER])


def deprecation_fields(one: Deprecated) -> tuple[tuple[str, str], ...]:
    """Deprecation (RFC 9745), Sunset (RFC 8594) and the links (RFC 8288), as far as the file has them."""
    fields = [("Deprecation", f"@{one.since_s}")]
    if one.sunset_s is not None:
        fields.append(("Sunset", formatdate(one.sunset_s, usegmt=True)))
    fields += [("Link", f'<{url}>; rel="{relation}"') for relation, url in one.links]
    return tuple(fields)


@lru_cache(maxsize=1024)
def edits_of(vary: str, told: Deprecated | None) -> FieldEdits:
    """What an instance's answer gets: Vary and Link beside its own, the others in place of its own."""
    fields = () if told is None else deprecation_fields(told)
    lines = [(name.encode("ascii"), value.encode("ascii")) for name, value in fields]
    placed = {line[0].lower(): line for line in lines if line[0] != b"Link"}
    added = [line for line in lines if line[0] == b"Link"]
    if vary:
        added.insert(0, (b"Vary", vary.encode("ascii")))
    return FieldEdits(placed=placed, added=tuple(added), marks=marks_of(placed))


@lru_cache(maxsize=4096)
def served_edits(version: str | None) -> FieldEdits:
    """X-Served-Version in place of an instance's own; None: it has no version."""
    if version is None:
        return FieldEdits(removed=frozenset([_SERVED_LOWER]), marks=_SERVED_MARKS)
    line = (SERVED, version.encode("ascii"))
    return FieldEdits(placed={_SERVED_LOWER: line}, marks=_SERVED_MARKS)
