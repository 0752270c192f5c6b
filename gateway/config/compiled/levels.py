"""Merges what the levels of a file say: defaults, then the service, then the route."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from gateway.config.file.sections import Section

S = TypeVar("S", bound=Section)

#: Where what no level says comes from.
BUILT_IN = "built in"


def said(levels: Iterable[Section | None], key: str) -> list[Any]:
    """What each level that says the key says, the most general one first; None is a null."""
    return [
        getattr(level, key)
        for level in levels
        if level is not None and key in level.model_fields_set
    ]


def merged(sections: Iterable[S | None]) -> S | None:
    """One section of those of all levels, the most general one first; None: there is none, or it is off.

    The more specific level wins key by key, and each key is taken whole. A null takes back what more general
    levels say.
    """
    whole: S | None = None
    for section in sections:
        if section is None or whole is None:
            whole = section
        else:
            told = {key: getattr(section, key) for key in section.model_fields_set}
            whole = whole.model_copy(update=told)
    return whole


def last(values: Iterable[Any]) -> Any:
    """What the most specific level says, which is taken whole; None: none says it, or it is off."""
    value = None
    for value in values:  # noqa: B007  # the last one counts
        pass
    return value


def source_of(levels: Sequence[tuple[str, Section | None]], key: str) -> str:
    """The level that a key of a merged section comes from; `levels` have the most specific one first."""
    for source, section in levels:
        if section is None:  # null takes back what more general levels say
            break
        if key in section.model_fields_set:
            return source
    return BUILT_IN
