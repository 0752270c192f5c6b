"""What both kinds of connection to Sentinel's master decide alike, and say alike when it fails."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from redis.exceptions import ConnectionError as RedisConnectionError

from ..model.registry_url import Address
from .failover import Turn

Client = TypeVar("Client")


class Sentinels(Generic[Client]):
    """Clients of the sentinels that know a master by `name`, in the order in which they are asked."""

    def __init__(self, name: str, clients: Sequence[Client]) -> None:
        self.name = name
        self.clients = list(clients)

    def ask_last(self, silent: Client) -> None:
        """So who has little time and gives up does not wait for the same silent sentinel again."""
        self.clients = [*(client for client in self.clients if client is not silent), silent]


class MasterSearch(Generic[Client]):
    """One round of questions, until a sentinel names the master."""

    def __init__(self, sentinels: Sentinels[Client]) -> None:
        self._sentinels = sentinels
        self._silent: list[str] = []
        self._address: Address | None = None

    def turns(self) -> Iterator[Turn[Client]]:
        """Each sentinel's, until one is told to have named the master."""
        for client in self._sentinels.clients:
            turn = Turn(client, failed=partial(self._sentinels.ask_last, client))
            yield turn
            if self._address is not None:
                return
            if turn.error is not None:
                self._silent.append(str(turn.error))

    def told(self, reply: Any) -> None:
        """What a sentinel answered: a host and a port, or None where it knows no such master."""
        if reply is not None:
            self._address = reply[0], reply[1]

    @property
    def master(self) -> Address:
        """What was found; raises where no sentinel named one, with what the silent ones had to say."""
        if self._address is None:
            why = f": {'; '.join(self._silent)}" if self._silent else ""
            raise RedisConnectionError(
                f"no sentinel knows a master named {self._sentinels.name!r}{why}"
            )
        return self._address


def check_role(reply: Any) -> None:
    """The answer to ROLE: raises where it is not a master's."""
    if reply[0] not in (b"master", "master"):
        raise RedisConnectionError("the server is a replica; a failover is under way")


def no_longer_master() -> RedisConnectionError:
    """It refused a write: the next connection asks the sentinels anew."""
    return RedisConnectionError("the server is a master no more")
