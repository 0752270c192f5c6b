"""Paths of the file: literal ones, and templates such as /orders/{id}."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

from gateway.config.file.parsed import Parsed, text_of
from gateway.config.file.wording import quoted
from middlewares.routing.matching.paths import ambiguous, decoded

#: In rewrite.path: what the request's path has behind the matched prefix.
REST = "rest"
_PARAMETER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]{0,62})\}")


@dataclass(frozen=True)
class PathTemplate:
    """A path as the file has it; a segment in braces is a parameter."""

    text: str

    def __str__(self) -> str:
        return self.text

    @cached_property
    def segments(self) -> tuple[str, ...]:
        """The segments, each percent-decoded once; a slash at the end adds none."""
        return tuple(map(decoded, self._parts))

    @cached_property
    def shape(self) -> tuple[str | None, ...]:
        """The segments; None stands for a parameter, whatever its name is."""
        return tuple(None if _PARAMETER.fullmatch(one) else decoded(one) for one in self._parts)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names in braces, in order."""
        return tuple(found[1] for one in self._parts if (found := _PARAMETER.fullmatch(one)))

    @property
    def _parts(self) -> list[str]:
        return [part for part in self.text.split("/") if part]

    @property
    def ends_with_slash(self) -> bool:
        return self.text.endswith("/")

    def begins_with(self, other: "PathTemplate") -> bool:
        """Whether the other's segments are the first ones of this."""
        return self.segments[: len(other.segments)] == other.segments


def _path(value: object) -> PathTemplate:
    rule = "must be a path that begins with a slash"
    text = text_of(value, rule)
    if not text.startswith("/"):
        raise ValueError(rule)
    if "?" in text or "#" in text:
        raise ValueError("must be a path alone; conditions on the query stand in match.query")
    if " " in text:
        raise ValueError("must have no space; write %20")
    if reason := ambiguous(text):
        raise ValueError(f"must be a path that all servers read alike; {reason}")
    if {"*", "**"} & set(text.split("/")):
        raise ValueError(
            'must have no segment "*": a prefix takes all that is below it, and a name in braces one '
            "segment; write %2A for the sign itself"
        )
    return PathTemplate(text)


def _literal(value: object) -> PathTemplate:
    path = _path(value)
    if set("{}") & set(path.text):
        raise ValueError(
            "must have no { }: only match.path, rewrite.path and redirect.path are templates"
        )
    return path


def _parameters(path: PathTemplate) -> PathTemplate:
    for segment in path.text.split("/"):
        if set("{}") & set(segment) and not _PARAMETER.fullmatch(segment):
            raise ValueError(
                f"{quoted(segment)} must be a whole segment such as {{id}}: letters, digits and _"
            )
    return path


def _template(value: object) -> PathTemplate:
    path = _parameters(_path(value))
    for index, name in enumerate(path.names):
        if name in path.names[:index]:
            raise ValueError(f"{{{name}}} stands twice; each name must be another one")
    if REST in path.names:
        raise ValueError("{rest} is what is behind a prefix; choose another name")
    return path


def _target(value: object) -> PathTemplate:
    path = _parameters(_path(value))
    if REST in path.names[:-1] or (REST in path.names and not path.text.endswith(f"{{{REST}}}")):
        raise ValueError("{rest} must be the last segment")
    return path


def _discover(value: object) -> str | bool:
    """The prefix without a slash at the end, or False."""
    if value is False:
        return False
    rule = "must be a path such as /api, or false"
    if not isinstance(value, str) or value == "/" or not value.startswith("/"):
        raise ValueError(rule)
    return _literal(value).text.removesuffix("/")


def _parsed(parse: Callable[[object], PathTemplate], words: str) -> Parsed:
    return Parsed(parse, words, {"type": "string", "pattern": "^/"})


Literal = Annotated[PathTemplate, _parsed(_literal, "path")]
Template = Annotated[PathTemplate, _parsed(_template, "path template")]
Target = Annotated[PathTemplate, _parsed(_target, "path template")]
Discover = Annotated[
    str | bool,
    Parsed(
        _discover,
        "path or false",
        {"anyOf": [{"type": "string", "pattern": "^/."}, {"const": False}]},
    ),
]
