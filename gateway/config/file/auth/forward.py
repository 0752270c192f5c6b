"""The way `forward`: another service decides."""

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field

from gateway.config.file.http_texts import FieldName, repeated
from gateway.config.file.numbers import choice, duration
from gateway.config.file.parsed import Parsed, text_of
from gateway.config.file.sections import Listed, Section, Wrong
from middlewares.auth.ways.forward.naming import (
    default_subject,
    why_not_sent,
    why_not_taken,
)


def _url(value: object) -> str:
    rule = "must be a URL such as http://auth:9000/check"
    text = text_of(value, rule)
    try:
        parts = urlsplit(text)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one or not all("!" <= character <= "~" for character in text):
        raise ValueError(rule)
    if "@" in parts.netloc or parts.fragment:
        raise ValueError(f"{rule}, without a user and without #")
    return text


Url = Annotated[str, Parsed(_url, "URL", {"type": "string", "pattern": "^https?://"})]


class Forward(Section):
    """A service of yours decides about each request: 2xx admits it, any other answer goes to the client."""

    type: Annotated[Literal["forward"], choice("forward")] = Field(
        description="The type of the way.", examples=["forward"]
    )
    url: Url = Field(
        description="What is asked, by GET; redirects are not followed.",
        examples=["http://auth:9000/check"],
    )
    send: Listed[FieldName] = Field(
        default=("Authorization", "Cookie"),
        description="Headers of the request that it gets. Those that may hold a credential do not go to the "
        "instance, unless pass_credentials is true.",
        examples=[["Authorization", "Cookie"]],
    )
    take: Listed[FieldName] = Field(
        default=(),
        description="Headers of its answer that the instance gets. What a client sends under these names "
        "never reaches the instance.",
        examples=[["X-User"]],
    )
    subject: FieldName | None = Field(
        default=None,
        description="The header of its answer that says who the client is; left out: the first of take "
        "that holds no credential. Whoever it admits without one is anonymous.",
        examples=["X-User"],
    )
    scopes: FieldName | None = Field(
        default=None,
        description="The header of its answer with the scopes of the client, separated by spaces or commas; "
        "left out: it has none.",
        examples=["X-Roles"],
    )
    remember_s: Annotated[float, duration("0s", "1h", zero="0: not at all")] = Field(
        default=0.0,
        alias="remember",
        description="How long an admission is remembered; nothing else is.",
        examples=["10s"],
        json_schema_extra={"default": 0},
    )
    remember_by: Annotated[Literal["request", "credential"], choice("request", "credential")] = (
        Field(
            default="request",
            description="What an admission holds for: request: the same values of send with the same "
            "method, host and path; credential: the same values of send alone.",
            examples=["credential"],
        )
    )
    timeout_s: Annotated[float, duration("10ms", "30s")] = Field(
        default=2.0,
        alias="timeout",
        description="How long it may take to answer; then the client gets 503 auth_unavailable.",
        examples=["2s"],
        json_schema_extra={"default": "2s"},
    )

    def wrong(self) -> Iterable[Wrong]:
        yield from _wrong_names("send", self.send, why_not_sent)
        yield from _wrong_names("take", self.take, why_not_taken)
        if self.subject is not None:
            why = why_not_taken(self.subject)
            if not why and default_subject([self.subject]) is None:
                why = "by its name it holds a credential, and a subject is shown in logs"
            if why:
                yield Wrong(("subject",), why)
        if self.scopes is not None and (why := why_not_taken(self.scopes)):
            yield Wrong(("scopes",), why)

    @property
    def subject_field(self) -> str | None:
        """The header with the subject; None: there is none."""
        return self.subject or default_subject(self.take)


def _wrong_names(
    key: str, names: tuple[str, ...], why_not: Callable[[str], str]
) -> Iterator[Wrong]:
    again = {*repeated(names)}
    for index, name in enumerate(names):
        why = "stands in the list already, in another case" if name in again else why_not(name)
        if why:
            yield Wrong((key, index), why)
