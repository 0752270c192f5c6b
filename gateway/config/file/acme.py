"""Certificates that the gateway gets by itself from an authority such as Let's Encrypt, by ACME."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from gateway.acme.spec import CHALLENGES, KEY_TYPES, LETS_ENCRYPT, Challenge, KeyType
from gateway.config.acme_values import (
    DIRECTORY_RULE,
    DOMAIN_RULE,
    EMAIL_RULE,
    NO_LIBRARY,
    has_library,
    parse_directory,
    parse_domain,
    parse_email,
)
from gateway.config.file.http_texts import SomeText
from gateway.config.file.named_files import PublicFile, SecretFile
from gateway.config.file.numbers import choice, duration
from gateway.config.file.parsed import Parsed, text_of
from gateway.config.file.sections import Section, Some, Wrong

_BASE64URL = re.compile(rb"[A-Za-z0-9_-]{16,1024}={0,2}")


def read_authorities(data: bytes) -> str:
    """Certificates in PEM. ValueError: there are none."""
    from gateway.config.acme_authorities import (
        read_authorities as read,  # else none of it is loaded
    )

    return read(data)


def read_hmac_key(data: bytes) -> str:
    """A key of an external account. ValueError: it is none."""
    text = data.strip()
    if not _BASE64URL.fullmatch(text):
        raise ValueError("it must be the key in base64url, as the authority shows it")
    return text.decode("ascii").rstrip("=")


_TEXT = {"type": "string"}
Domain = Annotated[
    str, Parsed(lambda value: parse_domain(text_of(value, DOMAIN_RULE)), "domain", _TEXT)
]
Email = Annotated[
    str, Parsed(lambda value: parse_email(text_of(value, EMAIL_RULE)), "address of e-mail", _TEXT)
]
DirectoryUrl = Annotated[
    str,
    Parsed(
        lambda value: parse_directory(text_of(value, DIRECTORY_RULE)),
        "https:// URL",
        {**_TEXT, "pattern": "^https://"},
    ),
]


class ExternalAccount(Section):
    """An account that was made at the authority by other means, as some authorities want it."""

    reads: ClassVar[Mapping[str, Callable[[bytes], Any]]] = {"hmac_key_file": read_hmac_key}

    key_id: SomeText = Field(
        description="The id of the key that the authority gave.", examples=["kid-1"]
    )
    hmac_key_file: SecretFile = Field(
        description="A file with that key, in base64url.", examples=["eab.key"]
    )


class Acme(Section):
    """Domains whose certificates the gateway gets and renews by itself; it agrees to the authority's terms."""

    reads: ClassVar[Mapping[str, Callable[[bytes], Any]]] = {"ca_file": read_authorities}

    domains: Some[Domain] = Field(
        description="Domains that lead to the gateways of this registry; each has a certificate of its "
        "own. Who writes them here agrees to the terms of the authority.",
        examples=[["api.example.com"]],
    )
    email: Email | None = Field(
        default=None,
        description="Where the authority can write to about the account; left out: nowhere.",
        examples=["ops@example.com"],
    )
    directory: DirectoryUrl = Field(
        default=LETS_ENCRYPT,
        description="The authority's directory. Its test directory gives certificates that nobody trusts.",
        examples=["https://acme-staging-v02.api.letsencrypt.org/directory"],
    )
    ca_file: PublicFile | None = Field(
        default=None,
        description="Authorities in PEM that the directory's own certificate is verified against; left "
        "out: those of the system.",
        examples=["acme-ca.pem"],
    )
    key_type: Annotated[KeyType, choice(*KEY_TYPES)] = Field(
        default="ec256", description="The kind of the certificates' keys.", examples=["ec256"]
    )
    renew_before_s: Annotated[float, duration("1h", "365d")] = Field(
        default=30 * 86400.0,
        alias="renew_before",
        description="How long before its end a certificate is renewed; one with a short life when a third "
        "of it is left.",
        examples=["30d"],
        json_schema_extra={"default": "30d"},
    )
    challenges: Some[Annotated[Challenge, choice(*CHALLENGES)]] = Field(
        default=CHALLENGES,
        description="How the gateway proves that it has a domain: by HTTP at port 80, or by TLS at port "
        "443; after a failure the next one is tried.",
        examples=[["http-01", "tls-alpn-01"]],
        json_schema_extra={"default": list(CHALLENGES)},
    )
    external_account: ExternalAccount | None = Field(
        default=None,
        description="The account that the one of the gateways is bound to, where an authority wants it.",
        examples=[{"key_id": "kid-1", "hmac_key_file": "eab.key"}],
    )

    def wrong(self) -> Iterable[Wrong]:
        if not has_library():
            yield Wrong((), NO_LIBRARY)
