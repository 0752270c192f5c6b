"""The example file of forward auth, with a service that decides: each of its routes does what it says."""

from pathlib import Path

from tests.conftest import StartKeepAlive
from tests.http.configured.conftest import StartConfigured
from tests.support.upstreams import Received, ServedConnection

EXAMPLE = Path(__file__).parents[3] / "docs/examples/forward-auth.yaml"
URL = "http://auth.internal:9000"
SENT_AWAY = b"HTTP/1.1 302 Found\r\nLocation: /log-in\r\nContent-Length: 0\r\n\r\n"
ALICE = b"HTTP/1.1 200 OK\r\nX-User: alice\r\nX-Groups: sales, staff\r\nContent-Length: 0\r\n\r\n"
BOB = b"HTTP/1.1 200 OK\r\nX-User: bob\r\nX-Groups: sales\r\nContent-Length: 0\r\n\r\n"


async def decide(received: Received, connection: ServedConnection) -> None:
    sessions = {(b"sid=alice",): ALICE, (b"sid=bob",): BOB}
    await connection.send(sessions.get(tuple(received.values(b"cookie")), SENT_AWAY))


async def test_every_route_of_the_example(
    start_configured: StartConfigured, start_keep_alive: StartKeepAlive
) -> None:
    service = await start_keep_alive(decide)
    text = EXAMPLE.read_text()
    assert URL in text
    configured = await start_configured(text.replace(URL, f"http://127.0.0.1:{service.port}"))
    await configured.gateway.register(
        "auth_service", configured.upstream.port, health_check_url="/health"
    )

    sent_away = await configured.ask("/orders/7")
    assert (sent_away.status, sent_away.values(b"location")) == (302, [b"/log-in"])
    asked = len(service.requests)
    assert (await configured.ask("/log-in", "X-User: root")).status == 200
    assert configured.upstream.requests[-1].values(b"x-user") == []
    assert len(service.requests) == asked

    for _ in range(2):
        answer = await configured.ask("/orders/7", "Cookie: sid=bob", "X-User: root")
        assert answer.status == 200
        received = configured.upstream.requests[-1]
        assert received.values(b"x-user") == received.values(b"x-auth-subject") == [b"bob"]
        assert received.values(b"x-groups") == [b"sales"]
        assert received.values(b"x-auth-scopes") == [b"sales"]
    assert len(service.requests) == asked + 1

    assert (await configured.ask("/reports", "Cookie: sid=alice")).status == 200
    refused = await configured.ask("/reports", "Cookie: sid=bob")
    assert refused.status == 403
    assert b"staff" in refused.body
