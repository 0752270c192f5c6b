"""Reads the files of TLS_CERT_FILE, TLS_KEY_FILE and TLS_CLIENT_CA_FILE."""

import errno
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from discovery.model.errors import SettingsError
from gateway.config.tls_variables import TlsFiles
from gateway.front.tls.contexts import check_authorities, context_of
from gateway.front.tls.pairs import BadCertificate, BadKey, Pair, check_chain, read_pair
from gateway.guard.privacy import require_privacy

_MAX_BYTES = 1024 * 1024
_CERTIFICATE, _KEY, _CLIENT_CA = "TLS_CERT_FILE", "TLS_KEY_FILE", "TLS_CLIENT_CA_FILE"


@dataclass(frozen=True, slots=True)
class FromVariables:
    """What the files hold; `source` is the certificate's path."""

    pair: Pair | None = None
    source: str = ""
    client_ca: bytes | None = field(default=None, repr=False)


def read_tls_files(files: TlsFiles) -> FromVariables:
    """Read and check all of them. SettingsError: one line, with the variable and the file."""
    pair, client_ca = None, None
    if files.certificate is not None and files.key is not None:
        chain = _content(_CERTIFICATE, files.certificate)
        key = _content(_KEY, files.key, secret=True)
        try:
            check_chain(chain)
            pair = read_pair(chain, key)
            context_of([pair], None)
        except BadCertificate as error:
            raise _wrong(_CERTIFICATE, files.certificate, str(error)) from None
        except BadKey as error:
            raise _wrong(_KEY, files.key, str(error)) from None
    if files.client_ca is not None:
        try:
            client_ca = check_authorities(_content(_CLIENT_CA, files.client_ca))
        except BadCertificate as error:
            raise _wrong(_CLIENT_CA, files.client_ca, str(error)) from None
    return FromVariables(pair, str(files.certificate or ""), client_ca)


def _content(variable: str, path: Path, *, secret: bool = False) -> bytes:
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, "it is no regular file")  # noqa: TRY301
            if secret:
                require_privacy(status, path)
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise _wrong(variable, path, f"can't be read: {error.strerror}") from None
    except ValueError as error:
        raise _wrong(variable, path, str(error)) from None
    if len(data) > _MAX_BYTES:
        raise _wrong(variable, path, "is larger than 1 MiB")
    return data


def _wrong(variable: str, path: Path, why: str) -> SettingsError:
    return SettingsError(f"{variable}={str(path)!r}: {why}")


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
