"""ACME_DOMAINS and the variables beside it: what they say of certificates that the gateway gets by itself."""

from dataclasses import dataclass, replace
from pathlib import Path

from discovery.model.errors import SettingsError
from gateway.acme.spec import CHALLENGES, TLS_ALPN_01, AcmeSpec, Challenge
from gateway.config.acme_values import NO_LIBRARY, has_library, parse_directory, parse_domain

_MOST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class AcmeVariables:
    """What the variables say; `http_port` 0: no port of plain HTTP, None: the file's, else HTTP_PORT."""

    domains: tuple[str, ...]
    email: str | None = None
    directory: str | None = None
    ca: str | None = None
    http_port: int | None = None

    def over(self, spec: AcmeSpec | None) -> AcmeSpec:
        """The spec of the file, if there is one, with what the variables say in place of its own."""
        base = spec or AcmeSpec(self.domains)
        return replace(
            base,
            domains=self.domains,
            email=self.email or base.email,
            directory=self.directory or base.directory,
            ca=self.ca or base.ca,
            challenges=self._challenges(spec),
        )

    def _challenges(self, spec: AcmeSpec | None) -> tuple[Challenge, ...]:
        if self.http_port == 0:
            return (TLS_ALPN_01,)
        return CHALLENGES if spec is None else spec.challenges


def domains_of(text: str) -> tuple[str, ...]:
    """The domains in a list with commas; ValueError says what is wrong with one."""
    named = [parse_domain(one) for part in text.split(",") if (one := part.strip())]
    return tuple(dict.fromkeys(named))


def directory_of(text: str | None) -> str | None:
    """ValueError: it is no URL of a directory."""
    return parse_directory(text) if text else None


def acme_variables_of(
    domains: tuple[str, ...],
    email: str | None,
    directory: str | None,
    ca_file: Path | None,
    http_port: int | None,
) -> AcmeVariables | None:
    """What they say together; None without a domain. Raises SettingsError."""
    if not domains:
        return None
    if not has_library():
        raise SettingsError(f"ACME_DOMAINS={','.join(domains)!r}: {NO_LIBRARY}")
    ca = None if ca_file is None else _authorities(ca_file)
    return AcmeVariables(domains, email, directory, ca, http_port)


def _authorities(path: Path) -> str:
    from gateway.config.acme_authorities import (
        read_authorities,  # without ACME nothing of it is loaded
    )

    try:
        with open(path, "rb") as file:
            return read_authorities(file.read(_MOST_BYTES))
    except OSError as error:
        raise SettingsError(
            f"ACME_CA_FILE={str(path)!r}: can't be read: {error.strerror}"
        ) from None
    except ValueError as error:
        raise SettingsError(f"ACME_CA_FILE={str(path)!r}: {error}") from None
