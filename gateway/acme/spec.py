"""What certificates a gateway gets, and from whom."""

from dataclasses import dataclass, field
from typing import Literal

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
DAY_S = 86400.0
#: Where authorities ask for the challenge http-01.
HTTP_PORT = 80

Challenge = Literal["http-01", "tls-alpn-01"]
KeyType = Literal["ec256", "ec384", "rsa2048", "rsa4096"]

HTTP_01: Challenge = "http-01"
TLS_ALPN_01: Challenge = "tls-alpn-01"
CHALLENGES: tuple[Challenge, ...] = (HTTP_01, TLS_ALPN_01)
KEY_TYPES: tuple[KeyType, ...] = ("ec256", "ec384", "rsa2048", "rsa4096")


@dataclass(frozen=True, slots=True)
class AccountBinding:
    """The account at the authority that ours is bound to; `hmac_key` is base64url, as the authority gives it."""

    key_id: str
    hmac_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AcmeSpec:
    """The domains that need a certificate, and how to get one for each.

    `ca` has the authorities, in PEM, that the directory's own certificate is verified against; None:
    those of the system.
    """

    domains: tuple[str, ...]
    email: str | None = None
    directory: str = LETS_ENCRYPT
    ca: str | None = None
    key_type: KeyType = "ec256"
    renew_before_s: float = 30 * DAY_S
    challenges: tuple[Challenge, ...] = CHALLENGES
    binding: AccountBinding | None = None
