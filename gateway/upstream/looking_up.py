"""Looks names up with the system's resolver, each in a thread of its own that nobody has to wait for."""

import asyncio
import contextlib
import encodings.idna  # noqa: F401  # else imported by the first look-up
import errno
import ipaddress
import socket
import threading
import time
from collections.abc import Callable

from discovery.model.addresses import IPAddress
from middlewares.programs.thread_signals import leave_signals_to_main_thread

#: Returns the addresses of a name, in the system's order. Blocks; raises OSError if there are none.
LookUp = Callable[[str], list[IPAddress]]

#: Callers wait this long for a look-up; its thread may go on.
BOUND_S = 5.0
#: A name is slow if its last look-up took longer; slow names have a limited number of threads.
SLOW_AFTER_S = 1.0
MOST_THREADS = 256
#: The most threads for refreshes and for slow names.
MOST_FOR_REFRESHES = 128
MOST_FOR_SLOW = 32
#: A name counts as slow for this long.
SLOW_FOR_S = 120.0


def look_up(host: str) -> list[IPAddress]:
    """Ask the system: /etc/hosts, mDNS, container names and DNS, as its nsswitch says."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        # Without a free descriptor the resolver knows no name, or fails with the number of an earlier
        # error (EBUSY, EINVAL). This raises EMFILE then.
        socket.socket().close()
        raise
    # A scoped address (fe80::1%eth0) is link-local, and forbidden with or without its scope.
    texts = dict.fromkeys(str(sockaddr[0]).partition("%")[0] for *_, sockaddr in found)
    return [ipaddress.ip_address(text) for text in texts]


class LookUps:
    """Runs at most one look-up of a name at a time, each in its own thread.

    The system's resolver can't be stopped, and a silent name server holds it for half a minute. The
    event loop has only four threads for it, so four silent names would block all others.
    """

    def __init__(self, look_up: LookUp = look_up) -> None:
        self._look_up = look_up
        self._under_way: dict[str, asyncio.Future[list[IPAddress]]] = {}
        #: When each slow name was last slow (monotonic s).
        self._slow_s: dict[str, float] = {}

    def begin(self, host: str, *, refreshes: bool = False) -> asyncio.Future[list[IPAddress]]:
        """Return the future answer of the running look-up, or of a new one.

        It fails with OSError; with EAGAIN if all threads are busy, which says nothing about the name.
        """
        answer = self._under_way.get(host)
        if answer is not None:
            return answer
        answer = asyncio.get_running_loop().create_future()
        answer.add_done_callback(_retrieve)
        if not self._may_begin(host, refreshes=refreshes):
            answer.set_exception(OSError(errno.EAGAIN, "too many names are being looked up"))
            return answer
        try:
            thread = threading.Thread(
                target=self._run, args=(host, answer), name=f"look-up-{host}", daemon=True
            )
            thread.start()
        except (RuntimeError, MemoryError) as error:
            answer.set_exception(OSError(errno.EAGAIN, f"no thread to look a name up: {error}"))
            return answer
        self._under_way[host] = answer
        bound = answer.get_loop().call_later(BOUND_S, _give_up, answer)
        answer.add_done_callback(lambda _: bound.cancel())
        return answer

    def _may_begin(self, host: str, *, refreshes: bool) -> bool:
        threads = len(self._under_way)
        if threads >= (MOST_FOR_REFRESHES if refreshes else MOST_THREADS):
            return False
        if host not in self._slow_s:
            return True
        return sum(one in self._slow_s for one in self._under_way) < MOST_FOR_SLOW

    def _run(self, host: str, answer: asyncio.Future[list[IPAddress]]) -> None:
        """Look up in the thread."""
        leave_signals_to_main_thread()
        began_s = time.monotonic()
        found: list[IPAddress] | Exception
        try:
            found = self._look_up(host)
        except Exception as error:  # noqa: BLE001  # whoever waits is told, whatever it is
            found = error
        took_s = time.monotonic() - began_s
        with contextlib.suppress(RuntimeError):  # the loop is closed
            answer.get_loop().call_soon_threadsafe(self._ended, host, answer, found, took_s)

    def _ended(
        self,
        host: str,
        answer: asyncio.Future[list[IPAddress]],
        found: list[IPAddress] | Exception,
        took_s: float,
    ) -> None:
        del self._under_way[host]
        self._slow_s.pop(host, None)
        if took_s > SLOW_AFTER_S:
            now_s = time.monotonic()
            self._slow_s[host] = now_s  # the oldest is the first
            while now_s - self._slow_s[oldest := next(iter(self._slow_s))] > SLOW_FOR_S:
                del self._slow_s[oldest]
        if answer.done():
            return
        if isinstance(found, OSError):
            answer.set_exception(found)
        elif isinstance(found, Exception):  # a name that can't be encoded, say
            answer.set_exception(OSError(f"the name can't be looked up: {found}"))
        else:
            answer.set_result(found)


def _give_up(answer: asyncio.Future[list[IPAddress]]) -> None:
    if not answer.done():
        answer.set_exception(TimeoutError(f"no answer to the look-up within {BOUND_S:g} s"))


def _retrieve(answer: asyncio.Future[list[IPAddress]]) -> None:
    """Mark a failure as seen, so that asyncio does not log it when nobody waits for it."""
    if not answer.cancelled():
        answer.exception()
