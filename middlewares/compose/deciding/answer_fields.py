"""The fields of a composed answer: the strictest Cache-Control, a joined Vary, and what parts pass on."""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from middlewares.cache.deciding.directives import ResponseDirectives, response_directives
from middlewares.cache.deciding.lines import Lines, lines_by_name
from middlewares.compose.deciding.judging import FieldLine

_ANY = b"*"


class Answered(NamedTuple):
    """The fields of a part's answer, and the names (lower-case) of those that the client gets."""

    fields: Sequence[FieldLine]
    passes: frozenset[bytes]


def composed_fields(parts: Iterable[Answered], *, is_partial: bool) -> list[tuple[str, str]]:
    """The fields that an answer of these parts gets.

    Nobody keeps a partial answer: what is missing may be there the next time.
    """
    parts = list(parts)
    lines = [lines_by_name(one.fields) for one in parts]
    made: list[tuple[str, str]] = []
    cache_control = "no-store" if is_partial else strictest(lines)
    if cache_control:
        made.append(("Cache-Control", cache_control))
    vary = joined_vary(lines)
    if vary:
        made.append(("Vary", vary))
    for one in parts:
        made += [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in one.fields
            if name.lower() in one.passes
        ]
    return made


def strictest(parts: Sequence[Lines]) -> str:
    """A Cache-Control that allows what those of all parts allow; empty if none of them has one.

    A part that says nothing allows no cache to take the answer as fresh, once another part speaks of it. The
    times are those that are left, without what the answers have spent in other caches.
    """
    if not any(lines.get(b"cache-control") for lines in parts):
        return ""
    said = [response_directives(lines, ()) for lines in parts]
    if any(one.no_store for one in said):
        return "no-store"
    words = []
    if any(one.is_private or one.private_fields for one in said):
        words.append("private")
    elif said and all(one.is_public for one in said):
        words.append("public")
    if any(one.no_cache or one.no_cache_fields for one in said):
        words.append("no-cache")
    words.append(f"max-age={_shortest(said, parts, shared=False)}")
    if any(one.s_maxage_s is not None for one in said) and "private" not in words:
        words.append(f"s-maxage={_shortest(said, parts, shared=True)}")
    if any(one.must_revalidate for one in said):
        words.append("must-revalidate")
    if any(one.proxy_revalidate for one in said):
        words.append("proxy-revalidate")
    return ", ".join(words)


def joined_vary(parts: Sequence[Lines]) -> str:
    """The names of all their Vary, each once; `*` if one of them has it."""
    names: dict[bytes, bytes] = {}
    for line in chain.from_iterable(lines.get(b"vary", ()) for lines in parts):
        for name in line.split(b","):
            if bare := name.strip(b" \t"):
                names.setdefault(bare.lower(), bare)
    return "*" if _ANY in names else b", ".join(names.values()).decode("latin-1")


def _shortest(said: Sequence[ResponseDirectives], parts: Sequence[Lines], *, shared: bool) -> int:
    times = []
    for one, lines in zip(said, parts, strict=True):
        time_s = one.s_maxage_s if shared and one.s_maxage_s is not None else one.max_age_s
        times.append(max((time_s or 0.0) - _age_s(lines), 0.0))
    return int(min(times, default=0.0))


def _age_s(lines: Lines) -> float:
    ages = lines.get(b"age", ())
    return max((float(one[:10]) for one in ages if one.isdigit()), default=0.0)
