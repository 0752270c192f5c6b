"""What a file says of versions, in the form that the layers work with."""

from collections.abc import Sequence
from typing import Any

from gateway.config.compiled.levels import merged
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
