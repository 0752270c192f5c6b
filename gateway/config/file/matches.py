"""What a route matches."""

from collections.abc import Hashable, Iterable, Mapping
from typing import Annotated, ClassVar

from pydantic import Discriminator, Field, Tag

from gateway.config.file.hosts import HostPattern
from gateway.config.file.http_texts import (
    FieldName,
    FieldValue,
    MemberName,
    Method,
    Regex,
    Text,
    repeated,
)
from gateway.config.file.numbers import choice
from gateway.config.file.paths import Literal, PathTemplate, Template
from gateway.config.file.sections import AT_VALUE, MAPPING, TEXT, Section, Some, Wrong, kind_of

ROOT = PathTemplate("/")
_NEITHER = "must be text, {present: true} or {regex: …}"


class Condition(Section):
    """A condition on a value that is not its exact text."""

    exactly_one: ClassVar[tuple[str, ...]] = ("present", "regex")

    present: Annotated[bool, choice(True)] | None = Field(
        default=None, description="It is there, with any value.", examples=[True]
    )
    regex: Regex | None = Field(
        default=None,
        description="Its whole value matches this regular expression, in RE2's syntax; needs the extra `regexes`.",
        examples=["v[0-9]+"],
    )


_ON_MAPPINGS = Discriminator(kind_of, custom_error_type=AT_VALUE, custom_error_message=_NEITHER)
OnHeader = Annotated[
    Annotated[FieldValue, Tag(TEXT)] | Annotated[Condition, Tag(MAPPING)], _ON_MAPPINGS
]
OnMember = Annotated[Annotated[Text, Tag(TEXT)] | Annotated[Condition, Tag(MAPPING)], _ON_MAPPINGS]


class Match(Section):
    """Which requests are the route's: those that fulfil every condition."""

    at_most_one: ClassVar[tuple[str, ...]] = ("path", "prefix")

    host: HostPattern | None = Field(
        default=None,
        description='The host, in any case and without its port; "*.example.com" takes any number of '
        "labels in front; left out: every host.",
        examples=["shop.example.com"],
    )
    path: Template | None = Field(
        default=None,
        description="The whole path; a segment in braces takes any one segment.",
        examples=["/orders/{id}"],
    )
    prefix: Literal | None = Field(
        default=None,
        description="The first segments of the path; /shop takes /shop, /shop/ and what is below.",
        examples=["/shop"],
        json_schema_extra={"default": "/"},
    )
    methods: Some[Method] = Field(
        default=(),
        description="Methods; left out: every one. GET is not HEAD.",
        examples=[["GET", "HEAD"]],
    )
    headers: Mapping[FieldName, OnHeader] = Field(
        default_factory=dict,
        description="Conditions on headers: an exact value, present, or a regular expression.",
        examples=[{"X-Plan": "gold"}],
    )
    query: Mapping[MemberName, OnMember] = Field(
        default_factory=dict,
        description="Conditions on members of the query, in the same forms.",
        examples=[{"preview": "1"}],
    )

    def wrong(self) -> Iterable[Wrong]:
        for name in repeated(self.headers):
            yield Wrong(("headers", name), "the header is there already, in another case", True)

    @property
    def begins(self) -> PathTemplate:
        """The path or prefix, `/` where neither is named."""
        return self.path or self.prefix or ROOT

    @property
    def same(self) -> Hashable:
        """Equal for two matches that take the very same requests."""
        begins = self.begins
        slash = self.path is not None and begins.ends_with_slash
        return (
            self.host,
            self.path is not None,
            begins.shape,
            slash,
            frozenset(self.methods),
            frozenset((name.lower(), one) for name, one in self.headers.items()),
            frozenset(self.query.items()),
        )
