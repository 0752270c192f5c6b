"""Which node of a cluster has the registry: all its keys are in one slot, so one node has them all."""

from collections.abc import Iterator
from functools import cache, partial

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MovedError

from ..model.registry_url import Address
from .failover import Turn


class ClusterNodes:
    """The node to connect to: the one that was last named by a MOVED, else one of the URL's."""

    def __init__(self, listed: tuple[Address, ...]) -> None:
        self.current = listed[0]
        self._listed = listed

    def turns(self) -> Iterator[Turn[Address]]:
        """One for the node that is thought right and one for each listed, until one connects."""
        for left in range(len(self._listed), -1, -1):
            turn = Turn(self.current, failed=partial(self._failed, self.current))
            yield turn
            if turn.error is None:
                return
            if not left:
                raise turn.error

    def elsewhere(self, told: MovedError, asked: str) -> RedisConnectionError:
        """The node that was asked names another, by its port alone where the host is its own.

        A try again goes there. ASK is not followed: while a slot is on its way, a script of many keys
        runs at neither node (TRYAGAIN), so the registry is away until the move is complete.
        """
        self.current = (told.host or asked, told.port)
        return RedisConnectionError(f"another node has the registry: {told}")

    def _failed(self, address: Address) -> None:
        """No connection: go on to the next that is listed, any of which knows where to go."""
        if address == self.current:
            place = self._listed.index(address) if address in self._listed else -1
            self.current = self._listed[(place + 1) % len(self._listed)]


@cache
def nodes_of(listed: tuple[Address, ...]) -> ClusterNodes:
    """One for each cluster and process: what one client was told, the next need not ask."""
    return ClusterNodes(listed)
