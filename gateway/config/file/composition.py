"""An answer that is put together from the answers of several services."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from gateway.config.file.http_texts import FieldName, MemberName, Name, repeated
from gateway.config.file.limits import Pointer
from gateway.config.file.numbers import choice, duration
from gateway.config.file.parsed import Parsed, text_of
from gateway.config.file.policies import Flag
from gateway.config.file.sections import Listed, Section, Wrong
from gateway.config.file.templates import template_of
from gateway.config.file.version_range import Range
from gateway.config.file.wording import or_nearest, quoted, quoted_list
from middlewares.compose.deciding.json_texts import JsonText, parse_json
from middlewares.compose.deciding.order import ring_of
from middlewares.compose.deciding.texts import PartText, PartValue, parse_text
from middlewares.routing.matching.paths import ambiguous
from middlewares.transform.deciding.untouchable import why_not_in_answer, why_not_in_request
from middlewares.transform.deciding.variables import Variable

MOST_PARTS = 20
#: A place in an answer is no deeper.
MOST_TOKENS = 8
_IN_A_TARGET = re.compile(r"[!-~]*")
_OTHER_THAN_TAB = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
#: Fields that the composition makes for the whole answer, and those of a part's body alone.
_MADE_OF_ALL = frozenset(["cache-control", "vary", "x-partial"])
_OF_A_BODY = frozenset(
    [
        "age",
        "content-digest",
        "content-encoding",
        "content-range",
        "content-type",
        "digest",
        "etag",
        "expires",
        "last-modified",
        "repr-digest",
    ]
)
_OF_REQUESTS = frozenset(["accept-encoding", "range", "content-encoding"])


#: Variables of the one service that answers a route.
_OF_AN_ANSWER = frozenset(["service", "version"])


def _target(value: object) -> PartText:
    rule = "must be a path that begins with a slash, such as /users/{path.id}"
    text = parse_text(text_of(value, rule), template_of)
    if not text.literals or text.pieces[0] != text.literals[0] or text.literals[0][:1] != "/":
        raise ValueError(rule)
    for literal in text.literals:
        if not _IN_A_TARGET.fullmatch(literal):
            raise ValueError(
                "must be ASCII without spaces; write them percent-encoded, such as %20"
            )
        if "#" in literal:
            raise ValueError("must have no #: services see no fragment")
    sample = "".join(one if isinstance(one, str) else "x" for one in text.pieces)
    if reason := ambiguous(sample.partition("?")[0]):
        raise ValueError(f"must have a path that all servers read alike; {reason}")
    return text


def _header_value(value: object) -> PartText:
    text = parse_text(text_of(value, "must be text"), template_of)
    if any(_OTHER_THAN_TAB.search(literal) for literal in text.literals):
        raise ValueError("must be one line, without control characters")
    return text


def _json(value: object) -> JsonText:
    return parse_json(value, template_of)


Target = Annotated[
    PartText, Parsed(_target, "path with values", {"type": "string", "pattern": "^/"})
]
HeaderText = Annotated[PartText, Parsed(_header_value, "text with values", {"type": "string"})]
Json = Annotated[JsonText, Parsed(_json, "any JSON, with values in its texts", {})]


class Part(Section):
    """One request of a composition: what is asked of which service, and where its answer goes."""

    stand_ins: ClassVar[Mapping[str, Any]] = {"service": "a", "path": "/"}

    service: Name = Field(
        description="The service that is asked, by its own policies.", examples=["user_service"]
    )
    version: Range | None = Field(
        default=None,
        description="The versions of the service that may answer; left out: any.",
        examples=["2"],
    )
    path: Target = Field(
        description="What it is asked for, with its query; {parts.NAME./pointer} is a value of another part, which "
        "is asked first.",
        examples=["/users/{path.id}", "/orders?user={parts.user./id}"],
    )
    method: Annotated[str, choice("GET", "POST", "PUT", "PATCH", "DELETE", "QUERY")] = Field(
        default="GET", description="The method.", examples=["POST"]
    )
    body: Json | None = Field(
        default=None,
        description="The JSON that it is sent; a text that is one value of a part becomes that value as it is.",
        examples=[{"user": "{parts.user./id}", "plan": "{query.plan}"}],
    )
    headers: Mapping[FieldName, HeaderText] = Field(
        default_factory=dict,
        description="Headers of its request, beside those of the client's, which it gets like any instance.",
        examples=[{"X-Plan": "{parts.user./plan}"}],
    )
    pass_query: Listed[MemberName] = Field(
        default=(),
        description="Members of the client's query that it gets as they came, where they are there.",
        examples=[["page"]],
    )
    timeout_s: Annotated[float, duration("1ms", "1h")] = Field(
        default=5.0,
        alias="timeout",
        description="How long it may take to its answer's last byte, all attempts together.",
        examples=["500ms"],
        json_schema_extra={"default": "5s"},
    )
    optional: Flag = Field(
        default=False,
        description="Whether there is an answer without it, which then says that it is partial.",
        examples=[True],
    )
    take: Pointer = Field(
        default="",
        description="The part of its answer that is used; left out: all of it.",
        examples=["/items"],
    )
    into: Pointer | None = Field(
        default=None,
        description='Where that goes in the body: names of members; left out: below the name of the part; "": '
        "among the members of the body itself.",
        examples=["/user/orders", ""],
    )
    pass_headers: Listed[FieldName] = Field(
        default=(),
        description="Headers of its answer that the client gets.",
        examples=[["Set-Cookie"]],
    )

    def wrong(self) -> Iterable[Wrong]:
        if self.body is not None and self.method == "GET":
            yield Wrong(("body",), "can't stand beside method GET, which has no body", at_key=True)
        for name in self.headers:
            if name.lower() in _OF_REQUESTS:
                why: str | None = "a part answers with plain JSON, and the gateway asks for that"
            else:
                why = why_not_in_request(name)
            if why:
                yield Wrong(("headers", name), why, at_key=True)
        for name in repeated(self.headers):
            yield Wrong(("headers", name), "the header is there already, in another case", True)
        for key in ("take", "into"):
            if why := _too_deep(getattr(self, key) or ""):
                yield Wrong((key,), why)
        for index, name in enumerate(self.pass_headers):
            if why := _not_passed(name):
                yield Wrong(("pass_headers", index), why)

    def texts(self) -> Iterator[tuple[tuple[str, ...], PartText]]:
        """Every text with values in it, and where it stands."""
        yield ("path",), self.path
        for name, text in self.headers.items():
            yield ("headers", name), text
        if self.body is not None:
            yield from ((("body",), text) for text in self.body.texts())


def _too_deep(pointer: str) -> str | None:
    is_too_deep = pointer.count("/") > MOST_TOKENS
    return f"must have at most {MOST_TOKENS} names" if is_too_deep else None


def _not_passed(name: str) -> str | None:
    lower = name.lower()
    if lower in _MADE_OF_ALL:
        return f"the gateway makes {name} of the answers of all parts"
    if lower in _OF_A_BODY:
        return f"{name} is about the body of the part, and the client gets another one"
    return why_not_in_answer(name)


class Compose(Section):
    """An answer that is put together from the JSON answers of several services."""

    parts: Mapping[Name, Part] = Field(
        description=f"The parts by name, 1 to {MOST_PARTS}; their order is that of the members of the body.",
        examples=[{"user": {"service": "user_service", "path": "/users/{path.id}"}}],
        json_schema_extra={"minProperties": 1, "maxProperties": MOST_PARTS},
    )
    partial: Pointer | None = Field(
        default=None,
        description="Where a partial body says which parts are missing and why; left out: X-Partial alone does.",
        examples=["/errors"],
    )

    def wrong(self) -> Iterable[Wrong]:
        if not 1 <= len(self.parts) <= MOST_PARTS:
            yield Wrong(("parts",), f"must have 1 to {MOST_PARTS} parts")
        if self.partial == "":
            yield Wrong(("partial",), "must name a member, such as /errors")
        elif self.partial and (why := _too_deep(self.partial)):
            yield Wrong(("partial",), why)
        needs: dict[str, set[str]] = {}
        for name, part in self.parts.items():
            needs[name] = set()
            for path, text in part.texts():
                for value in text.pieces:
                    if isinstance(value, Variable) and value.kind in _OF_AN_ANSWER:
                        message = f"{{{value}}} is not known where several services answer"
                        yield Wrong(("parts", name, *path), message)
                    if not isinstance(value, PartValue):
                        continue
                    needs[name].add(value.part)
                    if value.part not in self.parts:
                        there = f"; there are {quoted_list(self.parts)}"
                        hint = or_nearest(value.part, self.parts, there)
                        message = f"there is no part {quoted(value.part)}{hint}"
                        yield Wrong(("parts", name, *path), message)
        if ring := ring_of(needs):
            message = f"waits for itself: {' needs '.join(ring)}"
            yield Wrong(("parts", ring[0]), message, at_key=True)

    def names_of_path(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """The names of {path.NAME} that its parts use, and where they stand."""
        for name, part in self.parts.items():
            for path, text in part.texts():
                for variable in text.variables:
                    if variable.kind == "path":
                        yield ("parts", name, *path), variable.name
