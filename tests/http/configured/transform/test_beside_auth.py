"""Rules for headers that a way of authentication puts into a request."""

import pytest

from tests.conftest import StartKeepAlive
from tests.http.configured.conftest import StartConfigured
from tests.support.upstreams import OK

FILE = """
    auth: {gate: {type: forward, url: "http://127.0.0.1:AUTH/", take: [X-User, X-Plan]}}
    defaults: {limits: null, auth: {any_of: [gate]}}
    routes:
      - name: all
        match: {prefix: /all}
        service: order_service
        request:
          headers: {rename: {X-User: X-Who, X-Absent: X-Plan}, set: {X-Told: "{header.X-User}"}}
        response: {headers: {set: {X-Told: "{header.X-User}"}}}
      - name: none
        match: {prefix: /none}
        service: order_service
        request: {headers: {remove: [X-User], set: {X-Plan: mine}}}
"""


@pytest.mark.parametrize("odd", [(), ("X-Odd: \xff",)], ids=["plain", "careful"])
async def test_rules_hold_for_what_auth_adds(
    start_configured: StartConfigured, start_keep_alive: StartKeepAlive, odd: tuple[str, ...]
) -> None:
    admitted = OK.replace(b"\r\n", b"\r\nX-User: alice\r\nX-Plan: gold\r\n", 1)
    service = await start_keep_alive(admitted)
    configured = await start_configured(FILE.replace("AUTH", str(service.port)))
    claimed = ("X-User: root", "X-Who: root", "X-Plan: root", *odd)
    answer = await configured.ask("/all", *claimed)
    assert (answer.status, answer.values(b"X-Told")) == (200, [b"alice"])
    received = configured.upstream.requests[-1]
    assert received.values(b"X-User") == []
    assert received.values(b"X-Who") == received.values(b"X-Told") == [b"alice"]
    assert received.values(b"X-Plan") == [b"gold"]
    assert (await configured.ask("/none", *claimed)).status == 200
    received = configured.upstream.requests[-1]
    assert (received.values(b"X-User"), received.values(b"X-Plan")) == ([], [b"mine"])
