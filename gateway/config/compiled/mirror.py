"""Mirrors of a file in the form that the layer works with, and in words."""

from collections.abc import Iterator, Sequence
from typing import Any

from gateway.config.compiled.levels import last
from gateway.config.file.mirror import Compare, Mirror, ToService
from middlewares.mirror.deciding.pointers import parse_pattern, pointer_text
from middlewares.mirror.policy import SAFE, Comparison, MirrorPolicy


def mirrors_of(values: Sequence[Mirror | tuple[Mirror, ...] | None]) -> tuple[MirrorPolicy, ...]:
    """Those of the most specific level that says any; a share of 0 is none."""
    return tuple(_mirror(one) for one in mirrors_in(last(values)) if one.share)


def mirrors_in(value: Mirror | tuple[Mirror, ...] | None) -> tuple[Mirror, ...]:
    """What the file says, as a list."""
    if value is None:
        return ()
    return (value,) if isinstance(value, Mirror) else value


def rows(
    levels: Sequence[tuple[str, Any]], mirrors: Sequence[MirrorPolicy]
) -> Iterator[tuple[str, str | None, str]]:
    """Each mirror by the key of its row, in words, and the level that says it.

    `levels` are those that say `mirror`, the most specific one first.
    """
    if not levels:
        return
    source = levels[0][0]
    for mirror in mirrors:
        yield f"mirror.{mirror.name}", ", ".join(_words(mirror)), source
    if not mirrors:
        yield "mirror", None, source


def _mirror(section: Mirror) -> MirrorPolicy:
    to = section.to
    return MirrorPolicy(
        service=to.service if isinstance(to, ToService) else None,
        versions=None if isinstance(to, ToService) else to,
        share=section.share,
        comparison=_comparison(section.compare),
        methods=frozenset(section.methods),
        credentials=section.credentials,
        timeout_s=section.timeout_s,
        in_flight=section.in_flight,
        body_bytes=section.body_bytes,
    )


def _comparison(section: Compare) -> Comparison:
    return Comparison(
        tuple(name.lower().encode("ascii") for name in section.headers),
        section.json_bodies,
        tuple(map(parse_pattern, section.ignore)),
        section.values,
    )


def _words(mirror: MirrorPolicy) -> Iterator[str]:
    yield f"{mirror.share:g} % of the requests"
    if mirror.methods != SAFE:
        yield f"methods {' '.join(sorted(mirror.methods))}"
    comparison = mirror.comparison
    compared = ["status", *(name.decode("ascii") for name in comparison.headers)]
    if comparison.json:
        compared.append("json")
    yield f"compares {' '.join(compared)}"
    if comparison.ignored:
        yield f"ignores {' '.join(map(pointer_text, comparison.ignored))}"
    if comparison.values:
        yield "shows values"
    if mirror.credentials:
        yield "with credentials"
    yield f"within {mirror.timeout_s:g} s"
    yield f"{mirror.in_flight} in flight"
    yield f"bodies up to {mirror.body_bytes} bytes"
