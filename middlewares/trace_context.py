"""Reads W3C Trace Context for the log: the trace that a request belongs to."""

import re
from collections.abc import Sequence

#: Its groups are the version, the trace ID and what a later version has more.
_TRACEPARENT = re.compile(
    rb"((?!ff)[0-9a-f]{2})-((?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"
)


def trace_id_of(traceparents: Sequence[bytes]) -> str | None:
    """The trace ID in the request's `traceparent` lines; None unless there is exactly one valid line."""
    return trace_id_in(traceparents[0]) if len(traceparents) == 1 else None


def trace_id_in(traceparent: bytes) -> str | None:
    """The trace ID in a line; None if it is not valid.

    Version 00 ends after its flags; a later version may have more there (§3.2.4).
    """
    parent = _TRACEPARENT.fullmatch(traceparent)
    if parent is None:
        return None
    version, trace_id, more = parent.groups()
    return None if more is not None and version == b"00" else trace_id.decode("ascii")
