"""What a route changes in requests and in answers."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import ClassVar, Protocol

from pydantic import Field

from gateway.config.file.http_texts import FieldName, MemberName, repeated
from gateway.config.file.json_rules import Encoded, JsonErrors, JsonRules
from gateway.config.file.policies import Flag
from gateway.config.file.sections import Section, Some, Wrong
from gateway.config.file.templates import HeaderTemplate, PathWithVariables, TextTemplate
from middlewares.transform.deciding.untouchable import why_not_in_answer, why_not_in_request
from middlewares.transform.deciding.variables import Template

_KEYS = ("set", "add", "remove", "rename")


class _Named(Protocol):
    """What the sections for headers and for the query have in common."""

    @property
    def set(self) -> Mapping[str, Template]: ...
    @property
    def remove(self) -> Sequence[str]: ...
    @property
    def rename(self) -> Mapping[str, str]: ...


def _wrong_together(section: _Named, same: Callable[[str], str]) -> Iterator[Wrong]:
    """What is wrong between rules of one section; `same` maps names that mean the same to one text."""
    targets: set[str] = set()
    for before, after in section.rename.items():
        if same(before) == same(after):
            yield Wrong(("rename", before), "is the name that it has already")
        elif same(after) in targets:
            yield Wrong(("rename", before), "is the new name of another one too")
        targets.add(same(after))
    placed = set(map(same, section.set))
    for index, name in enumerate(section.remove):
        if same(name) in placed:
            yield Wrong(("remove", index), "is set too, which removes what was there")


class _ChangedHeaders(Section):
    at_least_one: ClassVar[tuple[str, ...]] = _KEYS

    set: Mapping[FieldName, HeaderTemplate] = Field(
        default_factory=dict,
        description="Values by header, in place of what has its name.",
        examples=[{"X-Tenant": "{subject}"}],
    )
    add: Mapping[FieldName, HeaderTemplate] = Field(
        default_factory=dict,
        description="Lines that are added to those that have the name already.",
        examples=[{"X-Seen": "1"}],
    )
    remove: Some[FieldName] = Field(
        default=(), description="Headers that are taken out.", examples=[["X-Debug"]]
    )
    rename: Mapping[FieldName, FieldName] = Field(
        default_factory=dict,
        description="New names by old ones; a header that has the new name goes where the old one is there.",
        examples=[{"X-Old": "X-New"}],
    )

    def untouchable(self, name: str) -> str | None:
        """Why no rule may touch the header."""
        raise NotImplementedError

    def wrong(self) -> Iterable[Wrong]:
        for path, name, at_key in self._names():
            if why := self.untouchable(name):
                yield Wrong(path, why, at_key)
        for key, names in (("set", self.set), ("add", self.add), ("rename", self.rename)):
            for name in repeated(names):
                yield Wrong((key, name), "the header is there already, in another case", True)
        yield from self._set_as_one()
        for index, name in enumerate(self.remove):
            if name.lower() in map(str.lower, self.remove[:index]):
                yield Wrong(("remove", index), "the header is there already, in another case")
        yield from _wrong_together(self, str.lower)

    def _set_as_one(self) -> Iterator[Wrong]:
        """Headers that are set twice, where receivers read their names as one."""
        return iter(())

    def _names(self) -> Iterator[tuple[tuple[str | int, ...], str, bool]]:
        """Every name that a rule is about: its path, itself, and whether it is a key there."""
        for key, names in (("set", self.set), ("add", self.add), ("rename", self.rename)):
            yield from (((key, name), name, True) for name in names)
        yield from ((("remove", index), name, False) for index, name in enumerate(self.remove))
        yield from ((("rename", before), after, False) for before, after in self.rename.items())


class RequestHeaders(_ChangedHeaders):
    """Rules for the headers of requests: first `rename`, then `remove`, `set` and `add`."""

    def untouchable(self, name: str) -> str | None:
        return why_not_in_request(name)

    def _set_as_one(self) -> Iterator[Wrong]:
        seen: dict[str, str] = {}
        for name in self.set:
            other = seen.setdefault(name.lower().replace("_", "-"), name)
            if other.lower() != name.lower():
                yield Wrong(
                    ("set", name), f"is set as {other} already: services read both as one", True
                )


class ResponseHeaders(_ChangedHeaders):
    """Rules for the headers of answers: first `rename`, then `remove`, `set` and `add`."""

    def untouchable(self, name: str) -> str | None:
        return why_not_in_answer(name)


class Query(Section):
    """Rules for the members of the query: first `rename`, then `remove`, `set` and `add`."""

    at_least_one: ClassVar[tuple[str, ...]] = _KEYS

    set: Mapping[MemberName, TextTemplate] = Field(
        default_factory=dict,
        description="Values by member, in place of what has its name.",
        examples=[{"v": "2"}],
    )
    add: Mapping[MemberName, TextTemplate] = Field(
        default_factory=dict,
        description="Members that are added to those that have the name already.",
        examples=[{"tag": "{method}"}],
    )
    remove: Some[MemberName] = Field(
        default=(), description="Members that are taken out.", examples=[["debug"]]
    )
    rename: Mapping[MemberName, MemberName] = Field(
        default_factory=dict,
        description="New names by old ones; a member that has the new name goes where the old one is there.",
        examples=[{"q": "query"}],
    )

    def wrong(self) -> Iterable[Wrong]:
        yield from _wrong_together(self, str)


class Request(Section):
    """What is changed in a request before an instance gets it."""

    at_least_one: ClassVar[tuple[str, ...]] = (
        "headers",
        "query",
        "path",
        "json",
        "json_errors",
        "encoded",
    )
    switched_off_by_null: ClassVar[frozenset[str]] = frozenset(["headers", "query", "path", "json"])

    headers: RequestHeaders | None = Field(
        default=None,
        description="Rules for headers, in place of those of a more general level; null: none.",
        examples=[{"set": {"X-Tenant": "{subject}"}}],
    )
    query: Query | None = Field(
        default=None,
        description="Rules for the query, in place of those of a more general level; null: none.",
        examples=[{"remove": ["debug"]}],
    )
    path: PathWithVariables | None = Field(
        default=None,
        description="The whole path; {path.rest} at its end is what the path has behind the route's prefix; "
        "null: it stays.",
        examples=["/tenants/{subject}/{path.rest}"],
    )
    json_rules: JsonRules | None = Field(
        default=None,
        alias="json",
        description="Rules for bodies of JSON in their order, in place of those of a more general level; null: none.",
        examples=[[{"remove": "/debug"}]],
    )
    json_errors: JsonErrors = Field(
        default="pass",
        description="What happens to a body that can't be changed, since it is not JSON by its type or by its bytes, "
        "is over 1 MiB, or has a coding that is not read here: it passes unchanged, or is refused with 400, 413 or "
        "415.",
        examples=["refuse"],
    )
    encoded: Encoded = Field(
        default="redo",
        description="What happens to a body with a Content-Encoding: it is decoded and encoded again, or goes on "
        "plain, or passes unchanged.",
        examples=["redo"],
    )

    def path_names(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """The names of parts of the path that the rules use, each with the place of its text."""
        for path, template in self._templates():
            for variable in template.variables:
                if variable.kind == "path":
                    yield path, variable.name

    def _templates(self) -> Iterator[tuple[tuple[str, ...], Template]]:
        for key, rules in (("headers", self.headers), ("query", self.query)):
            if rules is not None:
                yield from (((key, "set", name), one) for name, one in rules.set.items())
                yield from (((key, "add", name), one) for name, one in rules.add.items())
        if self.path is not None:
            yield ("path",), self.path


class Response(Section):
    """What is changed in an answer before the client gets it."""

    at_least_one: ClassVar[tuple[str, ...]] = (
        "headers",
        "errors",
        "json",
        "json_errors",
        "encoded",
    )
    switched_off_by_null: ClassVar[frozenset[str]] = frozenset(["headers", "json"])

    headers: ResponseHeaders | None = Field(
        default=None,
        description="Rules for headers, in place of those of a more general level; null: none.",
        examples=[{"set": {"X-Frame-Options": "DENY"}}],
    )
    errors: Flag = Field(
        default=False,
        description="Whether the rules for headers hold for the gateway's own errors too, such as 401, 429 "
        "and 503.",
        examples=[True],
    )
    json_rules: JsonRules | None = Field(
        default=None,
        alias="json",
        description="Rules for bodies of JSON in their order, in place of those of a more general level; null: none.",
        examples=[[{"remove": "/internal"}, {"rename": ["/usr", "/user"]}]],
    )
    json_errors: JsonErrors = Field(
        default="pass",
        description="What happens to a body of a JSON type that can't be changed, since it is not JSON, is over "
        "1 MiB, or has a coding that is not read here: it passes unchanged, or the client gets 502 transform_failed.",
        examples=["refuse"],
    )
    encoded: Encoded = Field(
        default="redo",
        description="What happens to a body with a Content-Encoding: it is decoded and encoded again; or instances "
        "are asked for plain bodies, and others are decoded; or it passes unchanged.",
        examples=["plain"],
    )
