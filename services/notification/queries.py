"""What clients of notification_service may ask for, and the headers that they send."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from aiohttp import web
from pydantic import AfterValidator, AwareDatetime, Field

from middlewares.failures import BadRequest
from services.notification.notes import Filter

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ID = re.compile(r"(\d{1,20})-(\d{1,20})", re.ASCII)
_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}")
#: Both halves of an id are below it. (Redis accepts it too, but no id can follow it.)
_END = 2**64 - 1


def is_id(text: str) -> bool:
    halves = _ID.fullmatch(text)
    return halves is not None and all(int(half) < _END for half in halves.groups())


def _id_of_one(text: str) -> str:
    if not is_id(text) or text.strip("0") == "-":
        raise ValueError("must be the id of a notification")
    return text


class ListQuery(Filter):
    """`before` is the id that the previous page ended with; `since` is an RFC 3339 time."""

    since: AwareDatetime | None = None
    before: Annotated[str, AfterValidator(_id_of_one)] | None = None
    limit: int = Field(50, ge=1, le=200)

    @property
    def since_ms(self) -> int | None:
        if self.since is None:
            return None
        # Rounded up, since entries of the same millisecond may be earlier.
        return -((_EPOCH - self.since) // timedelta(milliseconds=1))


def idempotency_key_of(request: web.Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        raise BadRequest("Idempotency-Key must be 1 to 255 visible ASCII characters")
    return key


def last_event_id_of(request: web.Request) -> str | None:
    """The id that a returning client saw last; it sends an empty one if it saw none."""
    event_id = request.headers.get("Last-Event-ID") or None
    if event_id is not None and not is_id(event_id):
        raise BadRequest(f"Last-Event-ID {event_id[:60]!r} is not the id of a notification")
    return event_id
