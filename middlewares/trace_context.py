"""Reads W3C Trace Context for the log: the trace that a request belongs to."""

import re
from collections.abc import Sequence

_TRACEPARENT = re.compile(
    rb"(?P<version>(?!ff)[0-9a-f]{2})-(?P<trace>(?!0{32})[0-9a-f]{32})"
    rb"-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?P<more>-.*)?"
)


def trace_id_of(traceparents: Sequence[bytes]) -> str | None:
    """The trace ID in the request's `traceparent` lines; None unless there is exactly one valid line.

    Version 00 ends after its flags; a later version may have more there (§3.2.4).
    """
    if len(traceparents) != 1:
        return None
    parent = _TRACEPARENT.fullmatch(traceparents[0])
    if parent is None or (parent["version"] == b"00" and parent["more"] is not None):
        return None
    return parent["trace"].decode("ascii")
