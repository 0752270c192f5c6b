"""What the file says of a way `jwt`."""

from dataclasses import dataclass
from typing import Final

from middlewares.auth.deciding import AUTHORIZATION
from middlewares.auth.ways.jwt.deciding.rules import Rules
from middlewares.auth.ways.jwt.sources import Source

_READS: Final = frozenset([AUTHORIZATION])
_NONE: Final[frozenset[bytes]] = frozenset()


@dataclass(frozen=True, slots=True)
class JwtSpec:
    """`scopes` and `subject` name claims; a valid token is remembered for `remember_s` at most.

    `scopes_supported` are all scopes that there are, if the file says it.
    """

    rules: Rules
    source: Source
    scopes: str = "scope"
    subject: str = "sub"
    remember_s: float = 300.0
    scopes_supported: tuple[str, ...] = ()

    @property
    def reads(self) -> frozenset[bytes]:
        return _READS

    @property
    def drops(self) -> frozenset[bytes]:
        return _NONE

    @property
    def has_sessions(self) -> bool:
        return False
