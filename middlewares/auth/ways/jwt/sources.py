"""Where the keys of an issuer come from."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the cryptography is loaded for a file that needs it
    from middlewares.auth.ways.jwt.deciding.keys import KeySet


@dataclass(frozen=True, slots=True)
class FromFile:
    """Keys that a file of the configuration holds, and so do not change."""

    keys: "KeySet"


@dataclass(frozen=True, slots=True)
class FromIssuer:
    """Keys that the issuer publishes at `jwks_url`; None: its discovery document says where.

    They are fetched again after `refresh_s` at most. After `keys_max_age_s` without a fetch they are
    good no longer.
    """

    issuer: str
    jwks_url: str | None = None
    refresh_s: float = 300.0
    keys_max_age_s: float = 86400.0

    def has_keys_of(self, other: "FromIssuer") -> bool:
        """Whether the keys are at the same place."""
        return (self.issuer, self.jwks_url) == (other.issuer, other.jwks_url)


Source = FromFile | FromIssuer
