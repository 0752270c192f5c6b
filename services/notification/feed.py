"""The live feed: each notification as an event, from where the client left off."""

import asyncio
from contextlib import suppress

from aiohttp import web

from middlewares.failures import DependencyUnavailable
from services.base.background import any_set
from services.base.event_stream import KEEP_ALIVE, event_bytes, open_event_stream
from services.base.inputs import query_of
from services.notification.bell import Bell
from services.notification.notes import Filter
from services.notification.queries import last_event_id_of
from services.notification.store import NotificationStore

#: Below the idle timeouts of common proxies.
KEEP_ALIVE_AFTER_S = 15.0


class NotificationFeed:
    """A client's only state is the last id that it got, so a slow client costs no memory."""

    def __init__(self, store: NotificationStore, bell: Bell, stopping: asyncio.Event) -> None:
        self._store = store
        self._bell = bell
        self._stopping = stopping

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Handle a request; once the stream is open, only its client or shutdown ends it."""
        wanted = query_of(request, Filter)
        position = last_event_id_of(request) or await self._store.newest_id()
        response = await open_event_stream(request)
        with suppress(ConnectionError):  # most streams end because the client leaves
            while not self._stopping.is_set():
                ring = self._bell.next_ring
                position, events, seen_all = await self._news(position, wanted)
                if events:
                    await response.write(events)
                if seen_all and not await any_set(
                    ring, self._stopping, within_s=KEEP_ALIVE_AFTER_S
                ):
                    await response.write(KEEP_ALIVE)
            await response.write_eof()
        return response

    async def _news(self, position: str, wanted: Filter) -> tuple[str, bytes, bool]:
        """The new position, the bytes to send, and whether that was everything."""
        try:
            entries = await self._store.after(position)
        except DependencyUnavailable:
            # Browsers don't reconnect after an error; the bell rings when Redis is back.
            return position, b"", True
        if not entries:
            return position, b"", True
        events = b"".join(
            event_bytes("notification", kept.document, kept.id)
            for kept in entries
            if wanted.passes(kept)
        )
        return entries[-1].id, events, False
