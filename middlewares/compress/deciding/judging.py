"""Whether an answer is compressed for clients that take it."""

from typing import Final

from middlewares.compress.deciding.fields import Seen
from middlewares.compress.policy import CompressPolicy

PARTIAL: Final = 206
NOT_MODIFIED: Final = 304
_FIRST_FINAL: Final = 200
#: Answers without a body, and those to a request for a part.
_NEVER: Final = frozenset((204, 205, PARTIAL, NOT_MODIFIED))
_SEVERAL_PARTS: Final = b"multipart/byteranges"


def may_compress(
    policy: CompressPolicy, status: int, found: Seen, length: int | None, *, streams_events: bool
) -> bool:
    """Whether the answer is compressed for a client that accepts it; `length` None: it is not known.

    That to HEAD is judged as that to GET would be.
    """
    return (
        status >= _FIRST_FINAL
        and status not in _NEVER
        and not (found.is_coded or found.is_part or found.no_transform)
        and (length is None or length > policy.over_bytes)
        and (policy.event_streams or not streams_events)
        and found.media_type is not None
        and policy.media_types.has(found.media_type)
    )


def is_of_one_that_may(policy: CompressPolicy, status: int, found: Seen) -> bool:
    """Whether a 304 or 206 is about an answer that may be compressed for others, as far as its fields tell."""
    if status not in (PARTIAL, NOT_MODIFIED) or found.is_coded or found.no_transform:
        return False
    media_type = found.media_type
    if media_type is None or media_type.lower().startswith(_SEVERAL_PARTS):
        return True
    return policy.media_types.has(media_type)
