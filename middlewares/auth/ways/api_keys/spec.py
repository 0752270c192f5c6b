"""What the file says of a way of the type `api_key`."""

from dataclasses import dataclass
from typing import Final

from middlewares.auth.deciding import API_KEY, AUTHORIZATION

_READS: Final = frozenset([API_KEY, AUTHORIZATION])
_DROPS: Final[frozenset[bytes]] = frozenset()


@dataclass(frozen=True, slots=True)
class ApiKeysSpec:
    """Keys of the registry; there is nothing to be said of them."""

    @property
    def reads(self) -> frozenset[bytes]:
        return _READS

    @property
    def drops(self) -> frozenset[bytes]:
        return _DROPS

    @property
    def has_sessions(self) -> bool:
        return False
