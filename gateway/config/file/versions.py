"""Where requests name a version of a service, and which versions are deprecated."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, ClassVar, Literal

from pydantic import Discriminator, Field, Tag

from gateway.config.file.http_texts import MemberName
from gateway.config.file.numbers import choice
from gateway.config.file.parsed import Parsed, text_of
from gateway.config.file.policies import Flag
from gateway.config.file.sections import AT_VALUE, MAPPING, TEXT, Section, Some, Wrong, kind_of
from gateway.config.file.version_range import Range

_PLACES = "path, {path: strip}, {header: NAME}, {media_type: NAME} or {query: NAME}"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: Headers that say something else already.
_TAKEN = frozenset(
    [
        "accept",
        "accept-encoding",
        "authorization",
        "cache-control",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "range",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "via",
        "x-correlation-id",
        "x-served-version",
    ]
)
_DATE_RULE = "must be a date such as 2027-01-01, or a time such as 2027-01-01T12:00:00Z"
_DATE = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[Tt](\d{2}:\d{2}:\d{2})(?:\.\d+)?([Zz]|[+-]\d{2}:\d{2}))?", re.ASCII
)
_URL_RULE = "must be a URL such as https://docs.example/v2, or a path such as /docs/v2"
_URL = re.compile(r"(?:https?://[A-Za-z0-9\[]|/)[!#-;=?-\[\]_a-z~]*", re.ASCII)
_MOST_URL_CHARACTERS = 2048


@dataclass(frozen=True, slots=True)
class Time:
    """A time of the file: as it is written, and as Unix time in seconds."""

    text: str
    unix_s: int

    def __str__(self) -> str:
        return self.text


def _time(value: object) -> Time:
    text = text_of(value, _DATE_RULE)
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError(_DATE_RULE)
    day, time, zone = found.groups()
    whole = f"{day}T{time or '00:00:00'}{'+00:00' if zone in (None, 'Z', 'z') else zone}"
    try:
        at = datetime.fromisoformat(whole).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{_DATE_RULE}; there is no {text}") from None
    if at.year < 1970:
        raise ValueError("must not be before 1970")
    return Time(text, int(at.timestamp()))


def _header(value: object) -> str:
    rule = "must be the name of a header, such as Accept-Version"
    text = text_of(value, rule)
    if not _TOKEN.fullmatch(text):
        raise ValueError(rule)
    if text.lower() in ("accept", "content-type"):
        raise ValueError(f"{text} has media types: write media_type: v for a parameter v of these")
    if text.lower() in _TAKEN:
        raise ValueError(f"{text} says something else, and can't name a version")
    return text


def _parameter(value: object) -> str:
    rule = "must be the name of a parameter of a media type, such as v"
    text = text_of(value, rule)
    if not _TOKEN.fullmatch(text):
        raise ValueError(rule)
    if text.lower() in ("q", "charset", "boundary"):
        raise ValueError(f"the parameter {text} says something else, and can't name a version")
    return text


def _url(value: object) -> str:
    text = text_of(value, _URL_RULE)
    if not _URL.fullmatch(text) or len(text) > _MOST_URL_CHARACTERS:
        raise ValueError(_URL_RULE)
    return text


Moment = Annotated[Time, Parsed(_time, "date or time", {"type": "string", "pattern": "^[0-9]{4}-"})]
HeaderName = Annotated[str, Parsed(_header, "header name", {"type": "string"})]
ParameterName = Annotated[str, Parsed(_parameter, "name", {"type": "string"})]
Url = Annotated[str, Parsed(_url, "URL", {"type": "string"})]


class NamedIn(Section):
    """A place that has a name of its own."""

    exactly_one: ClassVar[tuple[str, ...]] = ("path", "header", "media_type", "query")

    path: Annotated[Literal["strip"], choice("strip")] | None = Field(
        default=None,
        description="strip: the first segment behind the route's prefix, which an instance then does not see.",
        examples=["strip"],
    )
    header: HeaderName | None = Field(
        default=None, description="A header.", examples=["Accept-Version"]
    )
    media_type: ParameterName | None = Field(
        default=None,
        description="A parameter of the media types in Accept and Content-Type.",
        examples=["v"],
    )
    query: MemberName | None = Field(
        default=None, description="A member of the query.", examples=["version"]
    )


Place = Annotated[
    Annotated[
        Literal["path"],
        choice("path", words="{path: strip}, {header: NAME}, {media_type: NAME}, {query: NAME}"),
        Tag(TEXT),
    ]
    | Annotated[NamedIn, Tag(MAPPING)],
    Discriminator(kind_of, custom_error_type=AT_VALUE, custom_error_message=f"must be {_PLACES}"),
]


class Links(Section):
    """Where clients can read on, each with the relation that it has."""

    at_least_one: ClassVar[tuple[str, ...]] = ("successor", "deprecation", "sunset")

    successor: Url | None = Field(
        default=None,
        description="The version to use instead: rel=successor-version (RFC 5829).",
        examples=["https://api.example/v2"],
    )
    deprecation: Url | None = Field(
        default=None,
        description="What is said of the deprecation: rel=deprecation (RFC 9745).",
        examples=["https://docs.example/v1-ends"],
    )
    sunset: Url | None = Field(
        default=None,
        description="What is said of the end: rel=sunset (RFC 8594).",
        examples=["https://docs.example/v1-ends"],
    )


Link = Annotated[
    Annotated[str, Parsed(_url, "URL", {"type": "string"}), Tag(TEXT)]
    | Annotated[Links, Tag(MAPPING)],
    Discriminator(
        kind_of,
        custom_error_type=AT_VALUE,
        custom_error_message=f"{_URL_RULE}, or {{successor: URL, deprecation: URL, sunset: URL}}",
    ),
]


class Deprecated(Section):
    """Versions that are not to be used any more."""

    needs: ClassVar[dict[str, str]] = {"gone_after_sunset": "sunset"}

    since: Moment = Field(
        description="From when they are deprecated, which may be in the future: Deprecation (RFC 9745).",
        examples=["2026-01-01"],
    )
    sunset: Moment | None = Field(
        default=None,
        description="When they end, or may: Sunset (RFC 8594).",
        examples=["2027-01-01"],
    )
    link: Link | None = Field(
        default=None,
        description="The version to use instead, with rel=successor-version, or a mapping of several links.",
        examples=["https://docs.example/v2"],
    )
    gone_after_sunset: Flag | None = Field(
        default=None,
        description="Whether requests for them are answered with 410 from their sunset on; left out: as `versions` "
        "says.",
        examples=[True],
    )

    def wrong(self) -> Iterable[Wrong]:
        if self.sunset is not None and self.sunset.unix_s < self.since.unix_s:
            yield Wrong(
                ("sunset",),
                f"is before since, which is {self.since}: nothing ends before it is deprecated",
            )

    stand_ins: ClassVar[Mapping[str, str]] = {"since": "1970-01-01"}


class Versions(Section):
    """Which version of a service a request gets; `{}` takes every default."""

    switched_off_by_null: ClassVar[frozenset[str]] = frozenset(["default", "deprecated"])

    places: Some[Place] = Field(
        default=(NamedIn(header="Accept-Version"),),
        alias="from",
        description="Where a request names a version: one or several of path, {path: strip}, {header: NAME}, "
        "{media_type: NAME} and {query: NAME}. Two that name versions which no instance can have at once: 400.",
        examples=[["path", {"header": "Accept-Version"}, {"media_type": "v"}]],
        json_schema_extra={"default": [{"header": "Accept-Version"}]},
    )
    default: Range | None = Field(
        default=None,
        description="What a request gets that names no version; left out or null: the oldest version that is "
        "registered, with all that keep what it offers.",
        examples=["1"],
    )
    deprecated: Mapping[Range, Deprecated] | None = Field(
        default=None,
        description="Versions that are not to be used any more, by range; answers say so.",
        examples=[{"1": {"since": "2026-01-01", "sunset": "2027-01-01"}}],
    )
    gone_after_sunset: Flag = Field(
        default=False,
        description="Whether requests for a deprecated version are answered with 410 from its sunset on.",
        examples=[True],
    )

    def wrong(self) -> Iterable[Wrong]:
        seen: set[tuple[str, str]] = set()
        for index, place in enumerate(self.places):
            key = _key_of(place)
            if key in seen:
                yield Wrong(("from", index), "stands in the list already")
            seen.add(key)


def _key_of(place: str | NamedIn) -> tuple[str, str]:
    if isinstance(place, str):
        return "path", ""
    if place.path is not None:
        return "path", ""
    if place.header is not None:
        return "header", place.header.lower()
    if place.media_type is not None:
        return "media_type", place.media_type.lower()
    return "query", place.query or ""
