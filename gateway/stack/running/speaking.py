"""What a stack's gateway speaks on its public port, and how this machine recognises it."""

import re
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

_CERTIFICATE: Final = re.compile(
    rb"-----BEGIN CERTIFICATE-----[\x21-\x7e\s]+?-----END CERTIFICATE-----"
)


def scheme_of(environment: Mapping[str, str]) -> str:
    """`https` if TLS_CERT_FILE is set, or the configuration file has a section `tls`; else `http`."""
    if environment.get("TLS_CERT_FILE") or environment.get("ACME_DOMAINS"):
        return "https"
    return "https" if _in_file(environment) is not None else "http"


def pinning(environment: Mapping[str, str]) -> ssl.SSLContext | None:
    """Trust the gateway's own certificates alone, whatever their names; None: it speaks no TLS.

    Its certificate is for the name that clients use, and the commands ask for `127.0.0.1`. A file that
    can't be read, or has no certificate, adds none. Where ACME gets the certificates, one that the system
    trusts must be for the first domain.
    """
    if scheme_of(environment) != "https":
        return None
    found = _in_file(environment) or _Found()
    files = (file,) if (file := environment.get("TLS_CERT_FILE")) else found.files
    if not files:
        named = environment.get("ACME_DOMAINS", "").partition(",")[0].strip()
        return _OfDomain.trusting_the_system(named or found.domain)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    for one in files:
        # A file that was replaced by a bad one must not stop the commands that tell of it.
        with suppress(OSError, ValueError):  # ssl.SSLError is an OSError
            context.load_verify_locations(cadata=_own_certificate(Path(one).read_bytes()))
    return context


class _OfDomain(ssl.SSLContext):
    """Verifies that a certificate is for a domain, whatever the address that was connected to."""

    domain = ""

    @classmethod
    def trusting_the_system(cls, domain: str) -> "_OfDomain":
        made = cls(ssl.PROTOCOL_TLS_CLIENT)
        made.load_default_certs()
        made.domain = domain
        return made

    def wrap_socket(self, sock: socket.socket, *args: Any, **options: Any) -> ssl.SSLSocket:
        return super().wrap_socket(sock, *args, **{**options, "server_hostname": self.domain})


def _own_certificate(pem: bytes) -> str:
    """The first certificate of a chain. Those behind it are of authorities, which have signed others' too."""
    found = _CERTIFICATE.search(pem)
    return found[0].decode("ascii") if found else ""


def looking() -> ssl.SSLContext:
    """Trust whoever answers: it is asked whether it does, and gets no secret."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@dataclass(frozen=True, slots=True)
class _Found:
    """The files with certificates that a configuration file names, and its first domain for ACME."""

    files: tuple[str, ...] = ()
    domain: str = ""


def _in_file(environment: Mapping[str, str]) -> _Found | None:
    """What the configuration file says of certificates; None: it says nothing of TLS."""
    named = environment.get("GATEWAY_CONFIG")
    if not named:
        return None
    file = Path(named)
    try:
        return _certificates(file, file.stat().st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=8)
def _certificates(file: Path, _changed_ns: int) -> _Found | None:
    from discovery.base.steps import at_once
    from gateway.config.file.loading import reading  # many commands need nothing of it

    configuration = at_once(reading(file.read_bytes(), folder=file.parent)).configuration
    if configuration is None or configuration.tls is None:
        return None
    tls = configuration.tls
    files = tuple(str(file.parent / one.certificate_file) for one in tls.certificates)
    return _Found(files, tls.acme.domains[0] if tls.acme is not None else "")
