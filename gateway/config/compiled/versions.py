"""What a file says of versions, in the form that the layers work with."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from gateway.config.compiled.levels import merged, source_of
from gateway.config.file.versions import Deprecated as DeprecatedSection
from gateway.config.file.versions import Links, NamedIn, Versions
from middlewares.version_ranges import VersionRange
from middlewares.versions.policy import Deprecated, Place, Relation, VersionsPolicy


def versions_of(values: Sequence[Any]) -> VersionsPolicy | None:
    """The policy of what each level says, the most general one first; None: there is none."""
    section: Versions | None = merged(values)
    if section is None:
        return None
    return VersionsPolicy(
        places=tuple(map(_place, section.places)),
        default=section.default,
        deprecated=tuple(
            _deprecated(versions, one, is_gone_after=section.gone_after_sunset)
            for versions, one in (section.deprecated or {}).items()
        ),
    )


def _place(place: str | NamedIn) -> Place:
    if isinstance(place, str):
        return Place("path")
    if place.path is not None:
        return Place("path", strips=True)
    if place.header is not None:
        return Place("header", place.header.lower())
    if place.media_type is not None:
        return Place("media_type", place.media_type.lower())
    return Place("query", place.query or "")


def _deprecated(
    versions: VersionRange, section: DeprecatedSection, *, is_gone_after: bool
) -> Deprecated:
    said = section.gone_after_sunset
    return Deprecated(
        versions,
        section.since.unix_s,
        None if section.sunset is None else section.sunset.unix_s,
        tuple(_links(section.link)),
        is_gone_after if said is None else said,
    )


def _links(link: str | Links | None) -> list[tuple[Relation, str]]:
    if link is None:
        return []
    if isinstance(link, str):
        return [("successor-version", link)]
    said: list[tuple[Relation, str | None]] = [
        ("successor-version", link.successor),
        ("deprecation", link.deprecation),
        ("sunset", link.sunset),
    ]
    return [(relation, url) for relation, url in said if url is not None]


def rows(
    levels: Sequence[tuple[str, Versions | None]], policy: VersionsPolicy | None
) -> Iterator[tuple[str, Any, str]]:
    """Each key as the file has it, with its value and the level that says it.

    `levels` are those that say `versions`, the most specific one first; None is a null. Empty: no level says it.
    """
    if policy is None:
        if levels:
            yield "versions", None, levels[0][0]
        return
    yield "versions.from", [_told(place) for place in policy.places], source_of(levels, "places")
    default = "the oldest" if policy.default is None else policy.default.text
    yield "versions.default", default, source_of(levels, "default")
    source = source_of(levels, "deprecated")
    for one in policy.deprecated:
        yield f"versions.deprecated.{one.versions}", _in_words(one), source


def _told(place: Place) -> str:
    if place.kind == "path":
        return "path, stripped" if place.strips else "path"
    return f"{place.kind} {place.name.title() if place.kind == 'header' else place.name}"


def _in_words(one: Deprecated) -> str:
    words = [f"since {_day(one.since_s)}"]
    if one.sunset_s is not None:
        words.append(f"{'gone after' if one.is_gone_after else 'sunset'} {_day(one.sunset_s)}")
    return ", ".join([*words, *(f"{relation} {url}" for relation, url in one.links)])


def _day(unix_s: int) -> str:
    text = datetime.fromtimestamp(unix_s, UTC).isoformat().replace("+00:00", "Z")
    return text.removesuffix("T00:00:00Z")
