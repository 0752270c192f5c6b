"""A notification: what is accepted, how it is kept, and how it is shown."""

from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

import orjson
from pydantic import AfterValidator, Field, JsonValue

from services.base.validation import Input

#: Bytes of a whole request body, and of its `data`.
LARGEST_BODY = 16 * 1024
LARGEST_DATA = 8 * 1024

Kind = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,63}$")]
Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,32}$")]


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


def _keepable(data: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Accept JSON that any program reads back unchanged: no NaN, no numbers beyond 64 bits."""
    try:
        text = orjson.dumps(data)
    except TypeError:
        raise ValueError(
            "must hold no whole numbers beyond 64 bits, and not be nested deeply"
        ) from None
    if len(text) > LARGEST_DATA:
        raise ValueError(f"must be at most {LARGEST_DATA} bytes of JSON")
    if orjson.loads(text) != data:
        raise ValueError("must hold no NaN and no Infinity")
    return data


class Note(Input):
    """What a client posts."""

    kind: Kind
    symbol: Symbol | None = None
    message: Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_not_blank)]
    data: Annotated[dict[str, JsonValue], AfterValidator(_keepable)] = Field(default={})

    def text(self) -> bytes:
        """The stored form: equal notes give the same bytes."""
        return orjson.dumps(self.model_dump(), option=orjson.OPT_SORT_KEYS)


class Filter(Input):
    """Which notifications are wanted; None means any."""

    kind: Kind | None = None
    symbol: Symbol | None = None

    def passes(self, kept: "Kept") -> bool:
        return self.kind in (None, kept.kind) and self.symbol in (None, kept.symbol)


class Kept(NamedTuple):
    """A note in Redis: `id` is its entry's and grows with time; `text` is Note.text()."""

    id: str
    kind: str
    symbol: str | None
    text: bytes

    @property
    def document(self) -> dict[str, Any]:
        note = orjson.loads(self.text)
        return {
            "id": self.id,
            "kind": note["kind"],
            "symbol": note["symbol"],
            "message": note["message"],
            "data": note["data"],
            "created_at": self.created_at,
        }

    @property
    def created_at(self) -> str:
        """The time by the registry's clock, which all instances share."""
        moment = datetime.fromtimestamp(int(self.id.partition("-")[0]) / 1000, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
