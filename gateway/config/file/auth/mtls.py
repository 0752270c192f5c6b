"""The way `mtls`: certificates of clients."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from gateway.config.file.named_files import PublicFile
from gateway.config.file.numbers import choice
from gateway.config.file.sections import Section


def _authorities(data: bytes) -> bytes:
    # Only a file with such a way needs the library for certificates.
    from middlewares.auth.ways.mtls.authorities import check_authorities

    return check_authorities(data)


def _revocations(data: bytes) -> bytes:
    from middlewares.auth.ways.mtls.authorities import check_revocations

    return check_revocations(data)


_FORMS = ("cn", "san_uri", "san_email", "san_dns", "dn")


class Mtls(Section):
    """Clients show a certificate when they connect by TLS."""

    reads: ClassVar[Mapping[str, Callable[[bytes], Any]]] = {
        "ca_file": _authorities,
        "crl_file": _revocations,
    }

    type: Annotated[Literal["mtls"], choice("mtls")] = Field(
        description="The type of the way.", examples=["mtls"]
    )
    ca_file: PublicFile = Field(
        description="The authorities whose clients are admitted, in PEM.",
        examples=["clients-ca.pem"],
    )
    crl_file: PublicFile | None = Field(
        default=None,
        description="What these authorities have revoked, in PEM: a list of each authority. While one is "
        "missing or out of date, its clients get 503 auth_unavailable; left out: nothing is revoked.",
        examples=["clients.crl"],
    )
    subject: (
        Annotated[Literal["cn", "san_uri", "san_email", "san_dns", "dn"], choice(*_FORMS)] | None
    ) = Field(
        default=None,
        description="What of the certificate is the subject: the common name, the URI, e-mail address or "
        "DNS name of subjectAltName, or the distinguished name; left out: the first of these that it has "
        "just one of.",
        examples=["san_uri"],
    )
