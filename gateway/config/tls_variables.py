"""TLS_CERT_FILE, TLS_KEY_FILE and TLS_CLIENT_CA_FILE: which of them go together."""

from dataclasses import dataclass
from pathlib import Path

from discovery.model.errors import SettingsError


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where the files are; without a certificate, that of the configuration file is used."""

    certificate: Path | None
    key: Path | None
    client_ca: Path | None

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(one for one in (self.certificate, self.key, self.client_ca) if one is not None)


def tls_files_of(
    certificate: Path | None, key: Path | None, client_ca: Path | None
) -> TlsFiles | None:
    """The files; None if none is named. Raises SettingsError if one lacks the other."""
    if certificate is None and key is None and client_ca is None:
        return None
    if certificate is None and key is not None:
        raise SettingsError(f"TLS_KEY_FILE={str(key)!r}: needs TLS_CERT_FILE, which is not set")
    if certificate is not None and key is None:
        raise SettingsError(
            f"TLS_CERT_FILE={str(certificate)!r}: needs TLS_KEY_FILE, which is not set"
        )
    return TlsFiles(certificate, key, client_ca)
