"""What the file says of users with passwords."""

from dataclasses import dataclass
from typing import ClassVar

from middlewares.auth.deciding import AUTHORIZATION
from middlewares.auth.ways.basic.htpasswd import Users


@dataclass(frozen=True)
class BasicSpec:
    """Users with passwords. `realm` is told to clients; a checked password is remembered for a while."""

    reads: ClassVar[frozenset[bytes]] = frozenset([AUTHORIZATION])
    drops: ClassVar[frozenset[bytes]] = frozenset()
    has_sessions: ClassVar[bool] = False

    name: str
    users: Users = ()
    realm: str = "lockgate"
    remember_s: float = 60.0
