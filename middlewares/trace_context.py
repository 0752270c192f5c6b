"""Reads W3C Trace Context for the log: the trace that a request belongs to."""

import re
from collections.abc import Sequence

#: Its groups are the version, the trace ID and what a later version has more.
_TRACEPARENT = re.compile(
    rb"((?!ff)[0-9a-f]{2})-((?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"
)


def trace_id_of(traceparents: Sequence[bytes]) -> str | None:
    """The trace ID in the request's `traceparent` lines; None unless there is exactly one valid line.

    Version 00 ends after its flags; a later version may have more there (§3.2.4).
    """
    if len(traceparents) != 1:
        return None
    parent = _TRACEPARENT.fullmatch(traceparents[0])
    if parent is None or (parent[3] is not None and parent[1] == b"00"):
        return None
    return parent[2].decode("ascii")
