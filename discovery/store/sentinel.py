"""What both kinds of connection to Sentinel's master share: decisions and error messages."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from redis.exceptions import ConnectionError as RedisConnectionError

from ..model.registry_url import Address
from .decoding import text
from .failover import Elsewhere, Turn

Client = TypeVar("Client")


class Sentinels(Generic[Client]):
    """Clients of the sentinels that know a master by `name`, in the order of asking."""

    def __init__(self, name: str, clients: Sequence[Client]) -> None:
        self.name = name
        self.clients = list(clients)

    def ask_last(self, silent: Client) -> None:
        """Move a silent sentinel to the end: a caller with little time must not meet it first again."""
        self.clients = [*(client for client in self.clients if client is not silent), silent]


class MasterSearch(Generic[Client]):
    """One round of questions, until a sentinel names the master."""

    def __init__(self, sentinels: Sentinels[Client]) -> None:
        self._sentinels = sentinels
        self._silent: list[str] = []
        self._address: Address | None = None

    def turns(self) -> Iterator[Turn[Client]]:
        """A turn for each sentinel, until one has named the master."""
        for client in self._sentinels.clients:
            turn = Turn(client, failed=partial(self._sentinels.ask_last, client))
            yield turn
            if self._address is not None:
                return
            if turn.error is not None:
                self._silent.append(str(turn.error))

    def told(self, reply: Any) -> None:
        """Take in a sentinel's answer: a host and a port, or None where it knows no such master."""
        if reply is not None:
            self._address = (
                text(reply[0]),
                reply[1],
            )  # uvloop takes no bytes for a TLS server's name

    @property
    def master(self) -> Address:
        """The master's address; raises where no sentinel named one, with the errors of silent ones."""
        if self._address is None:
            why = f": {'; '.join(self._silent)}" if self._silent else ""
            raise RedisConnectionError(
                f"no sentinel knows a master named {self._sentinels.name!r}{why}"
            )
        return self._address


def check_role(reply: Any) -> None:
    """Raise unless the answer to ROLE is a master's."""
    if reply[0] not in (b"master", "master"):
        raise RedisConnectionError("the server is a replica; a failover is under way")


def no_longer_master() -> Elsewhere:
    """The error for a refused write: the next connection asks the sentinels anew."""
    return Elsewhere("the server is a master no more")
