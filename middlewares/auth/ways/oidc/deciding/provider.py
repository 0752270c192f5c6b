"""What a provider says about itself in its discovery document (OpenID Connect Discovery §3)."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from middlewares.auth.ways.oidc.deciding.tokens import NotAsAgreed

WELL_KNOWN: Final = "/.well-known/openid-configuration"

#: How the gateway proves who it is at the token endpoint.
ClientMethod = Literal["client_secret_basic", "client_secret_post", "none"]


@dataclass(frozen=True, slots=True)
class Provider:
    """The provider's addresses, and what matters here of what it can do."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None
    #: It says who issued an answer (RFC 9207), so that an answer without that is not its own.
    says_iss: bool
    client_method: ClientMethod


def document_url(issuer: str) -> str:
    """Where an issuer's discovery document is."""
    return issuer.rstrip("/") + WELL_KNOWN


def read_document(document: Any, issuer: str, *, has_secret: bool) -> Provider:
    """Read a discovery document. Raises NotAsAgreed, with a message for the log."""
    if not isinstance(document, dict):
        raise NotAsAgreed("the discovery document is no JSON object")
    if document.get("issuer") != issuer:
        raise NotAsAgreed("the discovery document is of another issuer")
    return Provider(
        issuer,
        _address(document, "authorization_endpoint"),
        _address(document, "token_endpoint"),
        _address(document, "jwks_uri"),
        _address(document, "end_session_endpoint")
        if _has(document, "end_session_endpoint")
        else None,
        document.get("authorization_response_iss_parameter_supported") is True,
        _client_method(document, has_secret=has_secret),
    )


def _has(document: Mapping[str, Any], name: str) -> bool:
    return document.get(name) not in (None, "")


def _address(document: Mapping[str, Any], name: str) -> str:
    url = document.get(name)
    if not isinstance(url, str) or not is_guarded(url):
        raise NotAsAgreed(f"{name} is no https URL")
    return url


def is_guarded(url: str) -> bool:
    """Whether nobody on the way can read and change what is sent: https, or this machine itself."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return False
    if not host or parts.fragment or not url.isascii() or any(c <= " " for c in url):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_this_machine(host))


def is_this_machine(host: str) -> bool:
    """Whether a host name always means the machine that asks (RFC 6761 §6.3)."""
    lower = host.lower().rstrip(".")
    if lower == "localhost" or lower.endswith(".localhost"):
        return True
    try:
        return ip_address(lower.strip("[]")).is_loopback
    except ValueError:
        return False


def _client_method(document: Mapping[str, Any], *, has_secret: bool) -> ClientMethod:
    if not has_secret:
        return "none"
    supported = document.get("token_endpoint_auth_methods_supported")
    if not isinstance(supported, list) or "client_secret_basic" in supported:
        return "client_secret_basic"  # the default of RFC 8414 §2
    return "client_secret_post" if "client_secret_post" in supported else "client_secret_basic"
