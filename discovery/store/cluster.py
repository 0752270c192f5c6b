"""Finds the node of a cluster that has the registry: all its keys are in one slot, on one node."""

from collections.abc import Iterator
from functools import cache, partial

from redis.exceptions import MovedError

from ..model.registry_url import Address
from .failover import Elsewhere, Turn


class ClusterNodes:
    """The node to connect to: the one that the last MOVED named, else one of the URL's."""

    def __init__(self, listed: tuple[Address, ...]) -> None:
        self.current = listed[0]
        self._listed = listed

    def turns(self) -> Iterator[Turn[Address]]:
        """A turn for the current node and one for each listed node, until one connects."""
        for left in range(len(self._listed), -1, -1):
            turn = Turn(self.current, failed=partial(self._failed, self.current))
            yield turn
            if turn.error is None:
                return
            if not left:
                raise turn.error

    def elsewhere(self, told: MovedError, asked: str) -> Elsewhere:
        """Go to the node that a MOVED names; without a host in it, only the port is another.

        The next try goes there. ASK is not followed: while a slot moves, a script of many keys runs at
        neither node (TRYAGAIN), so the registry is away until the move is complete.
        """
        self.current = (told.host or asked, told.port)
        return Elsewhere(f"another node has the registry: {told}")

    def _failed(self, address: Address) -> None:
        """After a failed connect, go on to the next listed node: any of them can name the right one."""
        if address == self.current:
            place = self._listed.index(address) if address in self._listed else -1
            self.current = self._listed[(place + 1) % len(self._listed)]


@cache
def nodes_of(listed: tuple[Address, ...]) -> ClusterNodes:
    """One object for each cluster and process, so that all clients know what one was told."""
    return ClusterNodes(listed)
