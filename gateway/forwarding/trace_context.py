"""W3C Trace Context: the trace that a request belongs to."""

import random
import re
from collections.abc import Iterator, Sequence

from gateway.forwarding.field_lines import values_of
from gateway.upstream.messages import FieldLine

TRACE_FIELDS = frozenset([b"traceparent", b"tracestate"])

_TRACEPARENT = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

#: Spans need to be distinct, not secret.
_generator = random.Random()


def trace_context(fields: Sequence[FieldLine]) -> Iterator[FieldLine]:
    """A valid trace goes on under a span of ours, else a new one begins."""
    parents = list(values_of(fields, b"traceparent"))
    if len(parents) == 1 and _TRACEPARENT.fullmatch(parents[0]):
        span = b"%016x" % (_generator.getrandbits(64) or 1)
        yield b"traceparent", parents[0][:36] + span + parents[0][52:]
        for state in values_of(fields, b"tracestate"):
            yield b"tracestate", state
    else:
        yield b"traceparent", new_trace()


def new_trace() -> bytes:
    return b"00-%032x-%016x-00" % (
        _generator.getrandbits(128) or 1,
        _generator.getrandbits(64) or 1,
    )
