"""The values of certificates by ACME, for the file and the environment: domains, addresses, directories."""

import importlib.util
import re
from urllib.parse import urlsplit

from gateway.acme.spec import LETS_ENCRYPT

NO_LIBRARY = 'needs the library acme, which is not installed: pip install "lockgate[gateway,acme]"'
DOMAIN_RULE = "must be a domain such as api.example.com"
EMAIL_RULE = "must be an address such as ops@example.com"
DIRECTORY_RULE = f"must be the https:// URL of a directory, such as {LETS_ENCRYPT}"

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})+")
_EMAIL = re.compile(r"[^\s@,<>\"?]+@[^\s@,<>\"?]+", re.ASCII)
_LONGEST_DOMAIN = 253
_LONGEST_EMAIL = 254


def has_library() -> bool:
    """Whether the library that orders need is installed; it is not loaded."""
    return importlib.util.find_spec("acme") is not None


def parse_domain(text: str) -> str:
    """A name that an authority can certify, in lower case. ValueError says why it can't."""
    text = text.lower()
    if text.startswith("*."):
        raise ValueError(f"{DOMAIN_RULE}: a certificate for a wildcard can't be had by HTTP or TLS")
    if not text.isascii():
        raise ValueError(f"{DOMAIN_RULE}; write its name in ASCII (punycode, xn--…)")
    if not _DOMAIN.fullmatch(text) or len(text) > _LONGEST_DOMAIN:
        raise ValueError(DOMAIN_RULE)
    if text.replace(".", "").isdigit():
        raise ValueError(f"{DOMAIN_RULE}, not an address")
    return text


def parse_email(text: str) -> str:
    """An address of e-mail. ValueError says what is allowed."""
    if not text.isascii() or not _EMAIL.fullmatch(text) or len(text) > _LONGEST_EMAIL:
        raise ValueError(EMAIL_RULE)
    return text


def parse_directory(text: str) -> str:
    """The URL of a directory. ValueError says what is allowed."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(DIRECTORY_RULE) from None
    if parts.scheme != "https" or not host or not text.isascii() or parts.username is not None:
        raise ValueError(DIRECTORY_RULE)
    if not text.isprintable() or set(' "<>\\#') & set(text):
        raise ValueError(DIRECTORY_RULE)
    return text
