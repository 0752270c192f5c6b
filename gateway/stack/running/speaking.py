"""What a stack's gateway speaks on its public port, and how this machine recognises it."""

import ssl
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path


def scheme_of(environment: Mapping[str, str]) -> str:
    """`https` if TLS_CERT_FILE is set, or the configuration file has a section `tls`; else `http`."""
    if environment.get("TLS_CERT_FILE") or environment.get("ACME_DOMAINS"):
        return "https"
    return "https" if _in_file(environment) is not None else "http"


def pinning(environment: Mapping[str, str]) -> ssl.SSLContext | None:
    """Trust the gateway's own certificates alone, whatever their names; None: it speaks no TLS.

    Its certificate is for the name that clients use, and the commands ask for `127.0.0.1`. A file that
    can't be read, or has no certificate, adds none.
    """
    if scheme_of(environment) != "https":
        return None
    files = [file] if (file := environment.get("TLS_CERT_FILE")) else _in_file(environment)
    if not files:  # ACME gets its certificates from an authority that the system knows
        context = ssl.create_default_context()
        context.check_hostname = False
        return context
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    for one in files:
        # A file that was replaced by a bad one must not stop the commands that tell of it.
        with suppress(OSError):  # which ssl.SSLError is as well
            context.load_verify_locations(one)
    return context


def looking() -> ssl.SSLContext:
    """Trust whoever answers: it is asked whether it does, and gets no secret."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _in_file(environment: Mapping[str, str]) -> tuple[str, ...] | None:
    """The certificates that the configuration file names; None: it says nothing of TLS."""
    named = environment.get("GATEWAY_CONFIG")
    if not named:
        return None
    file = Path(named)
    try:
        return _certificates(file, file.stat().st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=8)
def _certificates(file: Path, _changed_ns: int) -> tuple[str, ...] | None:
    from discovery.base.steps import at_once
    from gateway.config.file.loading import reading  # many commands need nothing of it

    configuration = at_once(reading(file.read_bytes(), folder=file.parent)).configuration
    if configuration is None or configuration.tls is None:
        return None
    return tuple(str(file.parent / one.certificate_file) for one in configuration.tls.certificates)
