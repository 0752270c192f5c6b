"""Values that several sections of `auth` have: URLs of providers, scopes, texts of claims."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from gateway.config.file.parsed import Parsed, text_of
from middlewares.clients.deciding import parse_address

#: RFC 6749 §3.3.
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def _provider_url(value: object) -> str:
    rule = "must be an https:// URL such as https://id.example.com"
    text = text_of(value, rule)
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(rule) from None
    # Programs differ in where they see the end of the host if there is a backslash.
    is_plain = text.isascii() and text.isprintable() and not set(text) & set(" \\")
    if parts.scheme not in ("http", "https") or not host or not is_plain:
        raise ValueError(rule)
    if parts.username is not None or parts.fragment:
        raise ValueError(f"{rule}, without a user and without #")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError(
            f"{rule}: over plain http anybody on the way can say who is who; http:// is for loopback alone"
        )
    return text


def _issuer(value: object) -> str:
    """A URL, or, as RFC 7519 §4.1.1 has it, any other text."""
    text = text_of(value, "must be the text that tokens have as iss")
    if "://" in text:
        return _provider_url(text)
    if not text or not text.isprintable():
        raise ValueError("must be the text that tokens have as iss, such as https://id.example.com")
    return text


def _issuer_url(value: object) -> str:
    """A URL that has a discovery document (OpenID Connect Discovery §3)."""
    text = _provider_url(value)
    if "?" in text:
        raise ValueError(
            "must be an https:// URL without ?: the place of its discovery document is behind it"
        )
    return text


def _is_loopback(host: str) -> bool:
    address = parse_address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _scope(value: object) -> str:
    rule = "must be a scope such as orders:read, without spaces, quotes and backslashes"
    text = text_of(value, rule)
    if not _SCOPE.fullmatch(text):
        raise ValueError(rule)
    return text


def _claim_name(value: object) -> str:
    text = text_of(value, "must be the name of a claim, such as role")
    if not text or not text.isprintable():
        raise ValueError("must be the name of a claim, such as role")
    return text


def _claim_value(value: object) -> str:
    """Text as it is, and numbers, true and false as JSON writes them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str):
        return value
    raise ValueError("must be text, a number, true or false")


_TEXT = {"type": "string"}
IssuerUrl = Annotated[str, Parsed(_issuer_url, "URL", {**_TEXT, "pattern": "^https?://[^?]+$"})]
#: What tokens say of their issuer.
IssuerName = Annotated[str, Parsed(_issuer, "URL or text", {**_TEXT, "minLength": 1})]
ProviderUrl = Annotated[str, Parsed(_provider_url, "URL", {**_TEXT, "pattern": "^https?://"})]
Scope = Annotated[str, Parsed(_scope, "scope", {**_TEXT, "pattern": f"^{_SCOPE.pattern}$"})]
ClaimName = Annotated[str, Parsed(_claim_name, "name of a claim", {**_TEXT, "minLength": 1})]
ClaimValue = Annotated[
    str,
    Parsed(_claim_value, "text, number, true or false", {"type": ["string", "number", "boolean"]}),
]
