"""What the file says of a way `oidc`, in the form that it works with."""

from dataclasses import dataclass, field
from typing import Final, Literal

#: The algorithms that the file may name. Those with a shared secret are left out: whoever knows the client's
#: secret could make ID tokens.
ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "ES256K", "EdDSA", "Ed25519", "Ed448"),
)
#: The algorithms of ID tokens that are taken if the file names none.
DEFAULT_ALGORITHMS: Final = ("RS256", "ES256", "PS256", "EdDSA")

#: A secret that seals sessions has at least 256 bits.
LEAST_SECRET_BYTES: Final = 32
CALLBACK_PATH: Final = "/oidc/callback"
LOGOUT_PATH: Final = "/oidc/logout"
BACK_CHANNEL_PATH: Final = "/oidc/backchannel-logout"

#: The paths where a way answers by itself.
OWN_PATHS: Final = (CALLBACK_PATH, LOGOUT_PATH, BACK_CHANNEL_PATH)

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
    def own_paths(self) -> tuple[str, ...]:
        return OWN_PATHS

    @property
    def has_sessions(self) -> bool:
        return True
