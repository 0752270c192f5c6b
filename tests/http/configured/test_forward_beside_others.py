"""Forward auth beside other ways, with upgrades and pipelined requests, and over reloads."""

from pathlib import Path

import pytest

from tests.conftest import StartKeepAlive
from tests.http.configured.conftest import StartConfigured
from tests.http.configured.test_basic import basic, bcrypt_line, write
from tests.http.configured.test_forward_auth import admit
from tests.http.configured.test_what_survives import reload, switch
from tests.support.raw_clients import RawClient
from tests.support.upstreams import KeepAliveUpstream

FILE = """
    discover: false
    auth:
      gate: {type: forward, url: "http://127.0.0.1:AUTH/", take: [X-User], remember: 1h}
      ops: {type: basic, users_file: users.htpasswd}
    routes:
      - {name: both, match: {prefix: /both}, service: order_service, auth: {any_of: [gate, ops]}}
      - {name: gate, match: {prefix: /gate}, service: order_service, auth: {any_of: [gate]}}
      - name: shadow
        match: {prefix: /shadow}
        service: order_service
        auth: {any_of: [gate], shadow: true}
"""
REFUSED = b"HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer\r\nContent-Length: 0\r\n\r\n"
SENT_AWAY = b"HTTP/1.1 302 Found\r\nLocation: /log-in\r\nContent-Length: 0\r\n\r\n"
BROKEN = b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n"
WEBSOCKET = b"GET /gate HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n%b\r\n"


@pytest.fixture(autouse=True)
def _users(tmp_path: Path) -> None:
    write(tmp_path / "users.htpasswd", bcrypt_line("alice", "secret"))


def of(service: KeepAliveUpstream) -> str:
    return FILE.replace("AUTH", str(service.port))


async def test_whoever_one_of_the_ways_admits_may_call(
    start_configured: StartConfigured, start_keep_alive: StartKeepAlive
) -> None:
    service = await start_keep_alive(REFUSED)
    configured = await start_configured(of(service))
    assert (await configured.ask("/both", basic("alice", "secret"), "X-User: root")).status == 200
    received = configured.upstream.requests[-1]
    assert received.values(b"x-auth-subject") == [b"alice"]
    assert received.values(b"x-auth-method") == [b"basic"]
    assert received.values(b"x-user") == []


async def test_who_is_remembered_by_one_way_is_admitted_before_the_service_is_asked(
    start_configured: StartConfigured, start_keep_alive: StartKeepAlive
) -> None:
    service = await start_keep_alive(REFUSED)
    configured = await start_configured(of(service))
    for _ in range(3):
        assert (await configured.ask("/both", basic("alice", "secret"))).status == 200
    assert len(service.requests) == 1


async def test_a_401_of_the_service_has_the_challenges_of_the_other_ways_too(
    start_configured: StartConfigured, start_keep_alive: StartKeepAlive
) -> None:
    configured = await start_configured(of(await start_keep_alive(REFUSED)))
    for fields in ([], [basic("alice", "wrong")]):
        answer = await configured.ask("/both", *fields)
        assert answer.status == 401
        challenges = answer.values(b"www-authenticate")
        assert challenges == [b"Bearer", b'Basic realm="lockgate", charset="UTF-8"']


async def test_another_answer_of_the_service_stays_as_it_is(
    start_configured: StartConfigured, start_keep_alive: StartKeepAlive
) -> None:
    configured = await start_configured(of(await start_keep_alive(SENT_AWAY)))
    answer = await configured.ask("/both")
    assert (answer.status, answer.values(b"location")) == (302, [b"/log-in"])
    assert answer.values(b"www-authenticate") == []


async def test_while_the_service_is_away_the_other_way_admits_and_nobody_else_does(
    start_configured: StartConfigured, start_keep_alive: StartKeepAlive
) -> None:
    configured = await start_configured(of(await start_keep_alive(BROKEN)))
    assert (await configured.ask("/both", basic("alice", "secret"))).status == 200
    for fields in ([], [basic("alice", "wrong")]):
        assert (await configured.ask("/both", *fields)).status == 503


async def test_a_shadow_refuses_nobody_and_lets_nobody_say_who_it_is(
    start_configured: StartConfigured, start_keep_alive: StartKeepAlive
) -> None:
    for said in (REFUSED, BROKEN):
        configured = await start_configured(of(await start_keep_alive(said)))
        assert (await configured.ask("/shadow", "X-User: root", "X_User: root")).status == 200
        received = configured.upstream.requests[-1]
        assert b"root" not in received.head
        assert received.values(b"x-auth-subject") == []


async def test_a_websocket_passes_the_same_door(
    start_configured: StartConfigured, start_keep_alive: StartKeepAlive
) -> None:
    answers = iter([REFUSED, admit("alice")])
    service = await start_keep_alive(
        lambda _, connection: connection.send(next(answers)),
    )
    configured = await start_configured(of(service), switch)
    async with await RawClient.connect(configured.gateway.port) as client:
        await client.send(WEBSOCKET % b"")
        refused = await client.answer()
        assert (refused.status, refused.values(b"www-authenticate")) == (401, [b"Bearer"])
    assert configured.upstream.requests == []
    async with await RawClient.connect(configured.gateway.port) as client:
        await client.send(WEBSOCKET % b"X-User: root\r\n")
        assert (await client.answer()).status == 101
        await client.send(b"hello")
        assert await client.reader.readexactly(5) == b"hello"
    [received] = configured.upstream.requests
    assert received.values(b"x-user") == [b"alice"]
    for asked in service.requests:
        assert asked.values(b"upgrade") == []


async def test_of_pipelined_requests_each_is_asked_about_for_itself(
    start_configured: StartConfigured, start_keep_alive: StartKeepAlive
) -> None:
    async def by_path(received: object, connection: object) -> None:
        path = received.values(b"x-forwarded-uri")[0]  # type: ignore[attr-defined]
        is_mine = path == b"/gate/mine"
        await connection.send(admit("alice") if is_mine else REFUSED)  # type: ignore[attr-defined]

    service = await start_keep_alive(by_path)
    configured = await start_configured(of(service))
    ask = b"GET /gate/%b HTTP/1.1\r\nHost: h\r\nCookie: sid=1\r\n\r\n"
    async with await RawClient.connect(configured.gateway.port) as client:
        await client.send(ask % b"mine" + ask % b"yours" + ask % b"mine")
        statuses = [(await client.answer()).status for _ in range(3)]
    assert statuses == [200, 401, 200]
    assert len(configured.upstream.requests) == 2
    assert len(service.requests) == 2, "the third is remembered"


async def test_what_is_remembered_outlives_a_reload_that_leaves_the_way_alone(
    start_configured: StartConfigured, start_keep_alive: StartKeepAlive
) -> None:
    service = await start_keep_alive(admit("alice"))
    configured = await start_configured(of(service))
    await configured.ask("/gate", "Cookie: sid=1")
    more = "      - {name: more, match: {path: /more}, respond: {}, auth: none}\n"
    await reload(configured, of(service) + more)
    await configured.ask("/gate", "Cookie: sid=1")
    assert len(service.requests) == 1
    await reload(configured, of(service).replace("remember: 1h", "remember: 30m"))
    await configured.ask("/gate", "Cookie: sid=1")
    assert len(service.requests) == 2
