"""Keeps the connections to one instance: reuses idle ones and limits how many there are."""

import asyncio
import socket
from collections import deque

from discovery.base.shortage import is_own_shortage
from discovery.model.addresses import IPAddress
from discovery.model.errors import ForbiddenAddress
from discovery.model.instance import Instance
from gateway.upstream.connection import UpstreamConnection
from gateway.upstream.dialing import Dialer
from gateway.upstream.idling import Idling
from gateway.upstream.latency import Latency, Siblings
from gateway.upstream.limits import UpstreamLimits
from gateway.upstream.messages import ReadPlain
from gateway.upstream.sockets import peer_address
from middlewares.failures import OutOfResources, Overloaded, UpstreamTimeout, UpstreamUnreachable
from middlewares.routing.policy import NEVER, Deadlines


class Pool:
    """Hands out connections, the most recently used first, so that the others become idle and end."""

    def __init__(
        self,
        instance: Instance,
        dialer: Dialer,
        limits: UpstreamLimits,
        read_plain: ReadPlain | None = None,
        siblings: Siblings | None = None,
    ) -> None:
        self.instance = instance
        self.active: set[UpstreamConnection] = set()
        #: When the last answered request was sent (loop time).
        self.answered_s = 0.0
        self.latency = Latency(siblings)
        self._idle: list[UpstreamConnection] = []
        self._idling = Idling()
        self._dialer = dialer
        self._limits = limits
        self._read_plain = read_plain
        self._opening = 0
        self._queued = 0
        #: Turns that were given and are not taken yet.
        self._turns = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._closed = False
        #: The addresses of the instance's name, as last seen; None if the host is an address.
        self._leads_to: list[IPAddress] | None = None
        self._loop = asyncio.get_running_loop()

    @property
    def in_flight(self) -> int:
        """The requests at this pool, including those that wait for a connection or open one."""
        return len(self.active) + self._opening + self._queued

    @property
    def effort(self) -> float:
        """The requests in flight as balancing counts them; see Latency.effort."""
        count = len(self.active) + self._opening + self._queued
        latency = self.latency
        return count if latency.slowness == 1.0 else latency.effort(count)

    @property
    def is_slow(self) -> bool:
        """Whether the instance is clearly slower than its siblings."""
        return self.latency.slowness > 1.0

    @property
    def unanswered(self) -> int:
        """The requests in flight without tunnels, whose requests have been answered."""
        return self.in_flight - sum(connection.is_tunnel for connection in self.active)

    @property
    def idle(self) -> int:
        return len(self._idle)

    def take_idle(self, *, repeatable: bool = True) -> UpstreamConnection | None:
        """Take an idle connection that may be used again, or None.

        A request that can't be repeated gets no connection that the instance might soon close.
        """
        if self._limits.connections and self._is_full:
            return None
        idle = self._idle
        now_s = self._loop.time()
        while idle:
            if not (repeatable or self._idling.is_safe(now_s - idle[-1].idle_since_s, now_s)):
                return None
            connection = idle.pop()
            if connection.is_fresh(now_s):
                connection.reused = True
                self.active.add(connection)
                return connection
            self._end(connection, now_s)
        return None

    async def open(
        self, *, deadlines: Deadlines, fresh: bool = False, repeatable: bool = True
    ) -> UpstreamConnection:
        """Open a connection; after waiting for its turn, an idle one will do, unless `fresh`.

        Raises UpstreamUnreachable; Overloaded if no turn comes in time or the gateway lacks the means
        for a connection; UpstreamTimeout at the request's end.
        """
        if deadlines.ends_s == NEVER:
            return await self._open(deadlines.connect_s, fresh=fresh, repeatable=repeatable)
        try:
            async with asyncio.timeout_at(deadlines.ends_s):
                return await self._open(deadlines.connect_s, fresh=fresh, repeatable=repeatable)
        except TimeoutError:
            raise UpstreamTimeout("the upstream did not answer in time") from None

    async def _open(self, within_s: float, *, fresh: bool, repeatable: bool) -> UpstreamConnection:
        if self._is_full:
            await self._turn()
            idle = None if fresh else self.take_idle(repeatable=repeatable)
            if idle is not None:
                return idle
        self._opening += 1
        try:
            connection = await self._dialer.connect(
                self.instance,
                self._new,
                within_s=within_s,
                below=self._dialer.requests_below,
            )
            await connection.settle()
            self.active.add(connection)
        except (OSError, ForbiddenAddress) as error:
            if is_own_shortage(error):
                detail = "the gateway can't make more connections now"
                raise OutOfResources(detail, cause=error) from error
            raise UpstreamUnreachable("the upstream can't be connected to", cause=error) from error
        finally:
            self._opening -= 1
            self._next()
        return connection

    def _new(self, sock: socket.socket) -> UpstreamConnection:
        connection = UpstreamConnection(sock, self._limits.head_bytes, self._read_plain)
        connection.address = peer_address(sock)
        return connection

    def answered(self, connection: UpstreamConnection, *, failed: bool) -> None:
        """Learn from the head of an answer; `failed`: it says that the instance failed.

        An answer that a later request has overtaken says nothing about the instance, as in `suspecting`.
        """
        began_s = connection.began_s
        if began_s > self.answered_s:
            self.answered_s = began_s
            now_s = self._loop.time()
            if failed:
                self.latency.failed(now_s - connection.asked_s, now_s)
            else:
                self.latency.answered(now_s - connection.asked_s, now_s)

    def failed(self, took_s: float) -> None:
        """Learn from an attempt that got no answer."""
        self.latency.failed(took_s, self._loop.time())

    def give_back(self, connection: UpstreamConnection) -> None:
        """Keep the connection of a finished exchange if it can be used again, else end it."""
        self.active.discard(connection)
        if connection.is_reusable() and not self._closed and self._still_leads_to(connection):
            connection.idle_since_s = self._loop.time()
            self._idle.append(connection)
        else:
            connection.abort()
        if self._waiting:
            self._next()

    def sweep(self, now_s: float) -> None:
        """Fail overdue exchanges; end connections that are idle too long or at an address the name has left."""
        for connection in list(self.active):
            connection.check_deadline(now_s)
            if connection.is_waiting and connection.began_s > self.answered_s:
                self.latency.waits(connection.asked_s, now_s)
        stale = [one for one in self._idle if not one.is_fresh(now_s)]
        for connection in stale:
            self._end(connection, now_s)
        left = self._left_behind()
        for connection in left:
            connection.abort()
        if stale or left:
            self._idle = [one for one in self._idle if one not in stale and one not in left]

    def _left_behind(self) -> list[UpstreamConnection]:
        """The idle connections to addresses that the instance's name no longer has."""
        leads_to = self._dialer.resolver.known(self.instance.host)
        if leads_to is None or leads_to is self._leads_to:
            return []
        self._leads_to = leads_to
        return [one for one in self._idle if not self._still_leads_to(one)]

    def _still_leads_to(self, connection: UpstreamConnection) -> bool:
        return self._leads_to is None or connection.address in self._leads_to

    def close(self) -> None:
        """End idle connections now, and the others when their exchange is over."""
        self._closed = True
        for connection in self._idle:
            connection.abort()
        self._idle.clear()

    def _end(self, connection: UpstreamConnection, now_s: float) -> None:
        """End an idle connection; if the instance has ended it, learn from that."""
        idle_s = min(now_s, connection.lost_s) - connection.idle_since_s
        if idle_s < connection.idle_limit_s:
            self._idling.closed(idle_s, now_s)
        connection.abort()

    async def _turn(self) -> None:
        future: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(future)
        self._queued += 1
        try:
            async with asyncio.timeout(self._limits.wait_s):
                await future
        except BaseException as error:
            if future.done() and not future.cancelled():  # its turn came too late
                self._turns -= 1
                self._next()
            if isinstance(error, TimeoutError):
                raise Overloaded("too many requests are waiting for this service") from None
            raise
        finally:
            self._queued -= 1
        self._turns -= 1

    @property
    def _is_full(self) -> bool:
        """Whether all connections are in use, or promised to requests that waited."""
        most = self._limits.connections
        return 0 < most <= len(self.active) + self._opening + self._turns

    def _next(self) -> None:
        while self._waiting and not self._is_full:
            future = self._waiting.popleft()
            if not future.done():
                self._turns += 1
                future.set_result(None)
