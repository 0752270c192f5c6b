"""What the file says of a way `oidc`, in the form that it works with."""

from dataclasses import dataclass, field
from typing import Final, Literal

#: The algorithms of ID tokens that are taken if the file names none; none of them has a shared secret.
DEFAULT_ALGORITHMS: Final = ("RS256", "ES256", "PS256", "EdDSA")

_NONE: Final[frozenset[bytes]] = frozenset()


@dataclass(frozen=True, slots=True)
class OidcSpec:
    """One way; of equal ones there is one live way. Durations are in seconds.

    `secrets` seal the sessions: the first one seals, all open; empty: the registry keeps one. `after_logout`
    is where a browser goes once it is logged out; None: nowhere.
    """

    issuer: str
    client_id: str
    client_secret: str | None = field(repr=False)
    scopes: tuple[str, ...] = ("openid",)
    lasts_s: float = 8 * 3600.0
    store: Literal["cookie", "registry"] = "cookie"
    secrets: tuple[bytes, ...] = field(repr=False, default=())
    algorithms: tuple[str, ...] = DEFAULT_ALGORITHMS
    leeway_s: float = 30.0
    subject: str = "sub"
    after_logout: str | None = None

    # No field but Cookie has a credential of this way, and of it only our cookies are taken out.
    @property
    def reads(self) -> frozenset[bytes]:
        return _NONE

    @property
    def drops(self) -> frozenset[bytes]:
        return _NONE

    @property
    def has_sessions(self) -> bool:
        return True
