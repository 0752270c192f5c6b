"""Where a route's requests name a version, and what is told of the versions that are deprecated."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from middlewares.version_ranges import VersionRange

#: The relation of a link (RFC 8594 §6, RFC 9745 §3, RFC 5829 §3.3).
Relation = Literal["successor-version", "deprecation", "sunset"]


@dataclass(frozen=True, slots=True)
class Place:
    """A place of a request that may name a version.

    `name` is that of the header, in lower case, of the parameter of a media type, in lower case, or of the
    query's member. `strips`: an instance does not see the segment of the path.
    """

    kind: Literal["path", "header", "media_type", "query"]
    name: str = ""
    strips: bool = False


@dataclass(frozen=True, slots=True)
class Deprecated:
    """Versions that are not to be used any more; times are Unix times in seconds.

    `is_gone_after`: from `sunset_s` on nobody gets them.
    """

    versions: VersionRange
    since_s: int
    sunset_s: int | None = None
    links: tuple[tuple[Relation, str], ...] = ()
    is_gone_after: bool = False

    def is_gone(self, now_s: float) -> bool:
        return self.is_gone_after and self.sunset_s is not None and now_s >= self.sunset_s


@dataclass(frozen=True)
class VersionsPolicy:
    """The versions of one route's service.

    `default` is what a request gets that names none; None: the oldest that there is. Of several
    `deprecated` that hold a version the first one counts.
    """

    places: tuple[Place, ...] = (Place("header", "accept-version"),)
    default: VersionRange | None = None
    deprecated: tuple[Deprecated, ...] = ()

    @cached_property
    def vary(self) -> str:
        """The names of the fields by which an answer varies, as Vary has them."""
        names: dict[str, None] = {}
        for place in self.places:
            if place.kind == "header":
                names[place.name.title()] = None
            elif place.kind == "media_type":
                names.update({"Accept": None, "Content-Type": None})
        return ", ".join(names)

    @cached_property
    def field_names(self) -> frozenset[bytes]:
        """The names of the fields that are read, in lower case."""
        return frozenset(self.vary.lower().encode("ascii").split(b", ")) - {b""}

    @cached_property
    def strips(self) -> bool:
        """Whether an instance does not see the segment of the path that names the version."""
        return any(place.strips for place in self.places)

    def gone(self, now_s: float) -> tuple[VersionRange, ...]:
        """The ranges that nobody gets any more."""
        if not self.deprecated:
            return ()
        return tuple(one.versions for one in self.deprecated if one.is_gone(now_s))
