"""Ports beside the public one that all workers of a gateway listen at together."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable

from gateway.siblings.siblings import Siblings

#: The master binds at once; it answers late only where it renews itself.
_WITHIN_S = 10.0


class SharedPorts:
    """The master binds them, and passes each worker the same socket: none is closed while one listens."""

    def __init__(self, siblings: Siblings) -> None:
        self._siblings = siblings

    async def serve(
        self, protocol: Callable[[], asyncio.Protocol], host: str, port: int
    ) -> asyncio.Server:
        """Take connections at this port from now on. Raises OSError."""
        loop = asyncio.get_running_loop()
        if self._siblings.alone:
            return await loop.create_server(protocol, host, port)
        said, descriptor = await self._siblings.ask_for_descriptor(
            "bind", {"host": host, "port": port}, _WITHIN_S
        )
        if descriptor is None:
            # Without an error from the master: this process had no descriptor free to receive it.
            number = errno.ETIMEDOUT if said is None else said.get("errno", errno.EMFILE)
            raise OSError(number, os.strerror(number))
        return await loop.create_server(protocol, sock=socket.socket(fileno=descriptor))

    def leave(self, host: str, port: int) -> None:
        """This worker listens there no longer."""
        self._siblings.tell_master("leave", {"host": host, "port": port})
