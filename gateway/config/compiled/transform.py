"""What a file says of changes in heads, in the form that the layer works with, and in words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.config.compiled.bodies import bodies_of
from gateway.config.compiled.levels import last, merged
from gateway.config.file.differences import plain
from gateway.config.file.transform import Query, Request, RequestHeaders, Response, ResponseHeaders
from middlewares.transform.deciding.fields import FieldPlan
from middlewares.transform.deciding.query import QueryPlan
from middlewares.transform.deciding.rules import NamedRules
from middlewares.transform.deciding.variables import Template
from middlewares.transform.policy import RequestRules, ResponseRules


def request_of(levels: Sequence[Request | None]) -> RequestRules | None:
    """The rules for requests; None: they stay as they are."""
    section = merged(levels)
    if section is None:
        return None
    return RequestRules(
        headers=(
            None
            if section.headers is None
            else FieldPlan(_rules(section.headers), of_requests=True)
        ),
        query=None if section.query is None else QueryPlan(_rules(section.query)),
        path=section.path,
        bodies=bodies_of(section),
    )


def response_of(levels: Sequence[Response | None]) -> ResponseRules | None:
    """The rules for answers; None: they stay as they are."""
    section = merged(levels)
    if section is None:
        return None
    return ResponseRules(
        headers=None if section.headers is None else FieldPlan(_rules(section.headers)),
        errors=section.errors,
        bodies=bodies_of(section),
    )


def rewrites_location(levels: Sequence[bool]) -> bool:
    return bool(last(levels))


def rows(key: str, levels: Sequence[tuple[str, Any]]) -> Iterator[tuple[str, Any, str]]:
    """Each rule of a section as the file has it, with the level that says it.

    `levels` are those that say the section, the most specific one first; None is a null.
    """
    seen: set[str] = set()
    for source, section in levels:
        if section is None:
            if not seen:
                yield key, None, source
            return  # null takes back what more general levels say
        for name, value in plain(section).items():
            if name not in seen:
                seen.add(name)
                for rule, text in _each(f"{key}.{name}", value):
                    yield rule, text, source


def _each(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The rules within a value, each with its own key."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _each(f"{key}.{name}", one)
    else:
        yield key, value


def _rules(section: RequestHeaders | ResponseHeaders | Query) -> NamedRules:
    return NamedRules(
        rename=tuple(section.rename.items()),
        remove=section.remove,
        set=_templates(section.set),
        add=_templates(section.add),
    )


def _templates(texts: Mapping[str, Template]) -> tuple[tuple[str, Template], ...]:
    return tuple(texts.items())
