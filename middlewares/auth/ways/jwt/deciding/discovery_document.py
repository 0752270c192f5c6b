"""What an issuer publishes about itself (OpenID Connect Discovery 1.0 §4, RFC 8414)."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from middlewares.auth.ways.jwt.deciding.strict_json import json_object


class BadDocument(ValueError):
    """The document can't be used; the message says why, and follows "the discovery document"."""


def locations(issuer: str) -> tuple[str, str]:
    """Where an issuer's document may be: OpenID's place first, then OAuth's, asked if the first has none."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    return (
        f"{issuer.rstrip('/')}/.well-known/openid-configuration",
        f"{parts.scheme}://{parts.netloc}/.well-known/oauth-authorization-server{path}",
    )


def document_of(content: bytes, issuer: str) -> Mapping[str, Any]:
    """The document, if it is of this issuer (§4.3); raises BadDocument."""
    try:
        document = json_object(content)
    except ValueError as error:
        raise BadDocument(str(error)) from None
    if document.get("issuer") != issuer:
        raise BadDocument("is of another issuer than the configuration's")
    return document


def url_in(document: Mapping[str, Any], member: str) -> str:
    """A URL of the document that can be trusted as much as the document; raises BadDocument."""
    url = document.get(member)
    if not isinstance(url, str) or not is_private_on_its_way(url):
        raise BadDocument(f"has no https:// URL as {member}")
    return url


def is_private_on_its_way(url: str) -> bool:
    """Whether nobody between can change what is answered: https, or this machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.username is not None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
