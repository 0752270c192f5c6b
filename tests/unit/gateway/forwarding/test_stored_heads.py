"""Heads of kept answers."""

import pytest

from gateway.forwarding.stored_heads import judged_fields, ready_lines, stored_head
from gateway.upstream.messages import ResponseHead

DATE = (b"Date", b"Mon, 30 Nov 2026 00:00:00 GMT")


@pytest.mark.parametrize("is_ready", [True, False])
@pytest.mark.parametrize("status", [200, 204, 205, 404])
def test_every_head_has_its_length_but_a_204_which_can_have_none(
    status: int, is_ready: bool
) -> None:
    ready = ready_lines(status, b"Some", [DATE], 0) if is_ready else b""
    assert bool(ready) is is_ready
    head = stored_head(status, b"Some", [DATE], 0, ready)
    assert (b"Content-Length" in ready) is (is_ready and status != 204)
    assert ((b"Content-Length", b"0") in head.fields) is (status != 204)
    assert DATE in head.fields
    assert head.length == 0


def test_a_head_whose_fields_must_be_chosen_has_no_ready_lines() -> None:
    assert ready_lines(200, b"OK", [DATE, (b"Connection", b"x")], 0) == b""
    assert ready_lines(200, b"OK", [(b"X-One", b"1")], 0) == b""


def test_the_cache_sees_what_connection_names_and_nothing_that_is_written_anew() -> None:
    fields = [
        *((b"Connection", b"cache-control"), (b"Cache-Control", b"no-store")),
        *((b"Content-Length", b"7"), (b"Keep-Alive", b"timeout=1"), (b"Upgrade", b"x")),
        *((b"X-Correlation-ID", b"1"), (b"Access-Control-Allow-Origin", b"*")),
    ]
    seen = judged_fields(ResponseHead(200, b"OK", fields), without_cors=True)
    assert seen == fields[:3]
    assert judged_fields(ResponseHead(200, b"OK", fields), without_cors=False)[3:] == [fields[-1]]
