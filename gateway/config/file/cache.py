"""What of a route's answers is remembered, and how much of them fits into the stores."""

import re
from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from gateway.config.file.http_texts import MemberName, repeated
from gateway.config.file.numbers import choice, duration, size
from gateway.config.file.parsed import Parsed, text_of
from gateway.config.file.policies import Flag
from gateway.config.file.sections import Listed, Section, Wrong

_CACHE_CONTROL = "[Cc][Aa][Cc][Hh][Ee]-[Cc][Oo][Nn][Tt][Rr][Oo][Ll]"
_SURROGATE = "[Ss][Uu][Rr][Rr][Oo][Gg][Aa][Tt][Ee]-[Cc][Oo][Nn][Tt][Rr][Oo][Ll]"
_TARGETED = re.compile(f"[A-Za-z0-9-]+-{_CACHE_CONTROL}|{_SURROGATE}")
#: Every header; it is a token too.
ANY = "*"
_TOKEN = re.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: The gateway answers these itself, needs them for what it does, or writes them.
_NOT_IGNORED = frozenset(
    [
        "authorization",
        "cache-control",
        "client-cert",
        "client-cert-chain",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "forwarded",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "keep-alive",
        "max-forwards",
        "pragma",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "te",
        "trailer",
        "transfer-encoding",
        "traceparent",
        "tracestate",
        "upgrade",
        "via",
        "x-api-key",
        "x-correlation-id",
        "x-request-timeout",
    ]
)
_WRITTEN = ("x-auth-", "x-forwarded-")


def _targeted(value: object) -> str:
    rule = "must be Surrogate-Control, or a header whose name ends with -Cache-Control, such as CDN-Cache-Control"
    text = text_of(value, rule)
    if not _TARGETED.fullmatch(text):
        raise ValueError(rule)
    return text


def _any_header(value: object) -> str:
    rule = 'must be the name of a header, such as X-Plan, or "*" for all of them'
    text = text_of(value, rule)
    if text != ANY and not _TOKEN.fullmatch(text):
        raise ValueError(rule)
    return text


def _ignored_header(value: object) -> str:
    rule = "must be the name of a header, such as X-Debug"
    text = text_of(value, rule)
    if not _TOKEN.fullmatch(text):
        raise ValueError(rule)
    if text.lower() in _NOT_IGNORED or text.lower().startswith(_WRITTEN):
        raise ValueError(f"the gateway needs {text} itself, or writes it: it can't be ignored")
    return text


def _pattern(expression: re.Pattern[str]) -> dict[str, str]:
    return {"type": "string", "pattern": f"^(?:{expression.pattern})$"}


TargetedField = Annotated[str, Parsed(_targeted, "header name", _pattern(_TARGETED))]
AnyHeader = Annotated[str, Parsed(_any_header, "header name", _pattern(_TOKEN))]
IgnoredField = Annotated[str, Parsed(_ignored_header, "header name", _pattern(_TOKEN))]
_Time = Annotated[float, duration("0s", "365d")]


class Cache(Section):
    """What of a route's answers is remembered (RFC 9111); `{}` takes every default."""

    stores: Annotated[str, choice("memory", "redis")] = Field(
        default="memory",
        description="Where answers are kept: in the memory of each worker, or in the registry for all gateways.",
        examples=["memory"],
    )
    default_ttl_s: _Time = Field(
        default=0.0,
        alias="default_ttl",
        description="How long an answer is fresh that does not say so itself; 0: by the heuristic of "
        "RFC 9111, a tenth of the time since its Last-Modified and at most a day.",
        examples=["30s"],
        json_schema_extra={"default": 0},
    )
    stale_while_revalidate_s: _Time = Field(
        default=0.0,
        alias="stale_while_revalidate",
        description="How long a stale answer is served while a new one is fetched, unless the answer says another "
        "time or forbids it.",
        examples=["10s"],
        json_schema_extra={"default": 0},
    )
    stale_if_error_s: _Time = Field(
        default=0.0,
        alias="stale_if_error",
        description="How long a stale answer is served in place of an error, unless the answer says another time "
        "or forbids it.",
        examples=["1h"],
        json_schema_extra={"default": 0},
    )
    object_bytes: Annotated[int, size("1KiB", "1GiB")] = Field(
        default=1024 * 1024,
        alias="object",
        description="The largest body that is kept; a larger one passes.",
        examples=["1MiB"],
        json_schema_extra={"default": "1MiB"},
    )
    ignore_query: Listed[MemberName] = Field(
        default=(),
        description="Members of the query that change nothing: they tell no two answers apart, and no instance sees "
        "them.",
        examples=[["utm_source"]],
    )
    ignore_headers: Listed[IgnoredField] = Field(
        default=(),
        description="Headers of requests that change nothing: they tell no two answers apart, and no instance sees "
        "them.",
        examples=[["X-Debug"]],
    )
    vary_headers: Listed[AnyHeader] = Field(
        default=(),
        description="Headers of requests that tell answers apart only where the Vary of an answer names them, as "
        'RFC 9111 has it; "*": all. Else headers such as Cookie, Origin and X-Tenant do without it, since services '
        "often forget to name them.",
        examples=[["Origin"]],
    )
    key_headers: Listed[AnyHeader] = Field(
        default=(),
        description='Headers of requests that tell answers apart whatever Vary says; "*": all that HTTP does not '
        "define.",
        examples=[["Accept-Language"]],
    )
    by: Annotated[str, choice("everyone", "subject")] = Field(
        default="everyone",
        description="Who shares an answer: everyone, or only requests of the same subject.",
        examples=["everyone"],
    )
    strip_set_cookie: Flag = Field(
        default=False,
        description="Keep answers with Set-Cookie, and give them to all clients without it; else they pass and are "
        "not kept.",
        examples=[True],
    )
    targeted: Listed[TargetedField] = Field(
        default=(),
        description="Headers that take the place of Cache-Control for this cache (RFC 9213), the strongest first.",
        examples=[["CDN-Cache-Control", "Surrogate-Control"]],
    )

    def wrong(self) -> Iterable[Wrong]:
        for key in ("vary_headers", "key_headers"):
            if ANY in getattr(self, key) and len(getattr(self, key)) > 1:
                yield Wrong((key,), '"*" is every header, and stands alone')
        seen: dict[str, str] = {}
        for key in ("ignore_headers", "vary_headers", "key_headers"):
            for index, name in enumerate(getattr(self, key)):
                before = seen.setdefault(name.lower(), key)
                if before != key:
                    yield Wrong(
                        (key, index), f"stands in {before} too, and only one of them can hold"
                    )
        for key in ("ignore_headers", "vary_headers", "key_headers", "targeted"):
            for name in repeated(getattr(self, key)):
                index = getattr(self, key).index(name)
                yield Wrong((key, index), "the header is there already, in another case")


class Stores(Section):
    """How much the stores of remembered answers may hold."""

    memory_bytes: Annotated[int, size("1MiB", "1024GiB")] = Field(
        default=64 * 1024 * 1024,
        alias="memory",
        description="The memory of each worker for answers, with all that is kept beside their bodies.",
        examples=["64MiB"],
        json_schema_extra={"default": "64MiB"},
    )
    redis_bytes: Annotated[int, size("1MiB", "1024GiB")] = Field(
        default=256 * 1024 * 1024,
        alias="redis",
        description="The memory of the registry for answers, of all gateways together.",
        examples=["256MiB"],
        json_schema_extra={"default": "256MiB"},
    )
