"""The watcher: a snapshot, then the stream on the same connection; anything odd means a new snapshot."""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from redis.exceptions import RedisError

from ..base.logs import Log
from ..base.stepping import in_steps
from ..base.steps import ITEMS_OF_A_STEP
from ..model.settings import RegistrySettings
from ..store import scripts
from ..store.clients import connect_async
from ..store.decoding import decoding_snapshot, revision_of, text
from ..store.keys import registry_keys
from ..store.left_out import LeftOut
from . import view
from .events import parse_event
from .returning import WORTH_WAITING_S, spread_s
from .saved_view import Saved
from .view import Event, View

#: How long one read of the stream waits, and how often the registry's identity is checked.
READ_WAIT_S = 1.0
#: A snapshot of many instances may take longer than an ordinary call.
SNAPSHOT_TIMEOUT_S = 5.0
#: The limit for the first snapshot where a saved view may be there to start with.
FIRST_SNAPSHOT_S = 1.0
#: The server hangs if a read ends this much later than it should.
HUNG_AFTER_S = 1.0
RETRY_FIRST_S = 0.05
RETRY_MOST_S = 1.0

#: Called after each change with the view before and after, and the event (None: a snapshot).
Listener = Callable[[View, View, Event | None], None]

_log = Log()


class _NewSnapshotNeeded(Exception):
    """The stream can't be followed any further: a gap in the revisions, another epoch."""


class Watcher:
    """Keeps `view` current while `run` runs.

    It never resumes a stream on another connection: a failover reuses ids and revisions.
    """

    def __init__(
        self,
        settings: RegistrySettings,
        saved: Callable[[], Saved | None] | None = None,
        of_sibling: Callable[[], Awaitable[Saved | None]] | None = None,
    ) -> None:
        """`saved` reads the view to begin with if the registry is away at the start.

        `of_sibling` asks another worker of the gateway for its view, which comes before the saved one.
        """
        self.view = View()
        #: How many follow this registry, so that they do not all read everything at the same moment.
        self.followers: Callable[[], int] = lambda: 1
        self._connected = False
        self._connected_changed: list[Callable[[], None]] = []
        #: Where the view is from; until the registry is heard of, it is a saved one or a sibling's.
        self.view_from: Literal["registry", "file", "sibling"] = "registry"
        self._saved = saved
        self._of_sibling = of_sibling
        self._left_out = LeftOut()
        #: The last stream entry that was taken in, over any connection.
        self._known_to = ""
        self._settings = settings
        self._keys = registry_keys(settings.namespace)
        self._listeners: list[Listener] = []
        self._has_view = asyncio.Event()
        self._changed = asyncio.Event()
        self._in_force_at_s = time.monotonic()

    @property
    def connected(self) -> bool:
        """Whether the registry is followed now."""
        return self._connected

    def when_connected_changes(self, called: Callable[[], None]) -> None:
        """Call it whenever the registry goes away, or is back."""
        self._connected_changed.append(called)

    def _note_connected(self, connected: bool) -> None:
        if connected != self._connected:
            self._connected = connected
            for called in self._connected_changed:
                called()

    @property
    def has_view(self) -> bool:
        return self._has_view.is_set()

    @property
    def age_s(self) -> float:
        """Seconds since the registry last said that the view is current."""
        return time.monotonic() - self._in_force_at_s

    def listen(self, listener: Listener) -> None:
        """Have `listener` called, synchronously, after each change of the view."""
        self._listeners.append(listener)

    async def ready(self) -> None:
        """Wait for the first view."""
        await self._has_view.wait()

    async def reached(self, epoch: str, revision: int, timeout_s: float = 1.0) -> bool:
        """Wait until the view includes this revision; False when it does not come in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not self._holds(epoch, revision):
                    await self._changed.wait()
        return self._holds(epoch, revision)

    def _holds(self, epoch: str, revision: int) -> bool:
        return self.view.epoch == epoch and self.view.revision >= revision

    async def run(self) -> None:
        """Follow the registry until cancelled, through any number of its failures."""
        wait_s = RETRY_FIRST_S
        while True:
            try:
                await self._follow()
            except _NewSnapshotNeeded as why:
                _log.info("registry.snapshot_needed", why=str(why))
                wait_s = RETRY_FIRST_S
                continue
            except (RedisError, OSError, TimeoutError) as error:
                wait_s = RETRY_FIRST_S if self.connected else min(RETRY_MOST_S, wait_s * 2)
                if self.connected or wait_s < RETRY_MOST_S:  # log each longer pause once
                    detail = str(error) or "no answer in time"
                    _log.warning("registry.unreachable", detail=detail, retry_s=wait_s)
            except Exception:  # noqa: BLE001 - whatever it is, following has stopped, and is tried again
                wait_s = RETRY_MOST_S
                _log.exception("registry.not_followed", retry_s=wait_s)
            self._note_connected(False)
            await self._begin_without_registry()
            await asyncio.sleep(wait_s * random.uniform(0.8, 1.2))
            self._swap(view.forget_absent(self.view, time.monotonic(), self.age_s), None)

    async def _begin_without_registry(self) -> None:
        """Take a sibling's view, or the saved one, where there is no view yet. The file is read only once."""
        if self.has_view:
            self._saved = self._of_sibling = None
            return
        saved = await self._of_sibling() if self._of_sibling is not None else None
        view_from: Literal["file", "sibling"] = "sibling"
        if saved is None:
            read, self._saved = self._saved, None
            saved, view_from = read() if read is not None else None, "file"
        if saved is not None:
            _log.warning(f"registry.view_from_{view_from}", age_s=round(saved.age_s, 3))
            self._in_force_at_s = time.monotonic() - saved.age_s
            self.view_from = view_from
            self._swap(saved.view, None)
            self._has_view.set()

    async def _follow(self) -> None:
        """Follow over one connection; it ends with an exception."""
        client = connect_async(self._settings.redis_url, blocking=True)
        try:
            await self._wait_for_turn(client)
            may_begin = self._saved is not None or self._of_sibling is not None
            async with asyncio.timeout(FIRST_SNAPSHOT_S if may_begin else SNAPSHOT_TIMEOUT_S):
                reply = await self._snapshot(client)
            heard_s = time.monotonic()
            away_s = heard_s - self._in_force_at_s
            # Thousands of instances take a while; requests go on meanwhile, with the old view.
            snapshot = await in_steps(decoding_snapshot(reply, self._left_out))
            after = await in_steps(view.taking_over(self.view, snapshot, heard_s, away_s))
            quick = await self._is_quick(client)
            self._in_force_at_s = heard_s
            self._swap(after, None)
            self.view_from = "registry"
            self._saved = self._of_sibling = None
            self._has_view.set()
            if not quick:
                # Its snapshot is used, but `connected` stays False: it would flip for ever.
                raise TimeoutError("the registry is too slow to be followed")
            if not self.connected:
                _log.info("registry.connected", epoch=snapshot.epoch, revision=snapshot.revision)
            self._note_connected(True)
            self._known_to = snapshot.last_event_id
            checked_s = time.monotonic()
            while True:
                await self._read(client)
                if time.monotonic() - checked_s >= READ_WAIT_S:
                    await self._check_same(client)
                    checked_s = time.monotonic()
        finally:
            with contextlib.suppress(Exception):
                await client.aclose()

    async def _wait_for_turn(self, client: Any) -> None:
        """Where there is a view already, wait until the registry is there, and then for a random time."""
        instances = sum(map(len, self.view.services.values())) if self.has_view else 0
        pause_s = random.uniform(0, spread_s(self.followers(), instances))
        if pause_s < WORTH_WAITING_S:
            return
        async with asyncio.timeout(HUNG_AFTER_S):
            await client.hget(self._keys[0], "epoch")
        if pause_s > READ_WAIT_S:
            self._note_connected(False)
        await asyncio.sleep(pause_s)

    async def _snapshot(self, client: Any) -> Any:
        command = scripts.snapshot(known_to=self._known_to)
        source = scripts.script_source(command.script)
        return await client.eval(source, len(self._keys), *self._keys, *command.args)

    async def _is_quick(self, client: Any) -> bool:
        """Whether it answers quickly enough to be told from a server that hangs."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HUNG_AFTER_S):
                await client.hget(self._keys[0], "epoch")
                return True
        return False

    async def _read(self, client: Any) -> None:
        events_key = self._keys[-1]
        async with asyncio.timeout(READ_WAIT_S + HUNG_AFTER_S):
            streams = await client.xread(
                {events_key: self._known_to}, count=ITEMS_OF_A_STEP, block=round(READ_WAIT_S * 1000)
            )
        self._in_force_at_s = time.monotonic()
        if not streams:
            return
        entries = streams[events_key.encode()][0] if isinstance(streams, dict) else streams[0][1]
        for entry_id, fields in entries:
            self._take_in(fields)
            self._known_to = entry_id.decode()

    async def _check_same(self, client: Any) -> None:
        """Check from time to time that this is still the registry, and the data, that we follow."""
        async with asyncio.timeout(HUNG_AFTER_S):
            epoch, revision = await client.hmget(self._keys[0], "epoch", "rev")
        if text(epoch or b"") != self.view.epoch or revision_of(revision) < self.view.revision:
            raise _NewSnapshotNeeded("the registry's data is not what was followed")
        self._swap(view.forget_absent(self.view, time.monotonic()), None)

    def _take_in(self, fields: dict[bytes, bytes]) -> None:
        event = parse_event(fields, self._left_out)
        if event is None:
            return
        if event.revision != self.view.revision + 1:
            raise _NewSnapshotNeeded(f"revision {event.revision} after {self.view.revision}")
        self._swap(view.apply(self.view, event, time.monotonic()), event)

    def _swap(self, after: View, event: Event | None) -> None:
        before, self.view = self.view, after
        if after is before:
            return
        for listener in self._listeners:
            listener(before, after, event)
        self._changed.set()
        self._changed = asyncio.Event()
