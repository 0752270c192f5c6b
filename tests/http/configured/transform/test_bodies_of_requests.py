"""Rules for the JSON in requests, from outside: what the service gets of what the client says."""

import gzip
import json

import pytest

from tests.conftest import StartUpstream
from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.raw_clients import RawAnswer, exchange

JSON = "Content-Type: application/json"
BODY = b'{"tenant": "mine", "debug": true, "price": 1.10}'


def file_of(more: str = "", rules: str = "", route: str = "") -> str:
    rules = rules or '[{remove: /debug}, {set: {/tenant: "{header.X-Tenant}"}}]'
    return f"""
        defaults: {{limits: null}}
        routes:
          - name: r
            match: {{prefix: /}}
            service: order_service
            request: {{json: {rules}{more}}}
            {route}
    """


async def post(
    configured: Configured, body: bytes, *fields: str, chunked: bool = False
) -> RawAnswer:
    if chunked:
        framing = "Transfer-Encoding: chunked"
        cut = [body[at : at + 7000] for at in range(0, len(body), 7000)]
        body = b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in cut) + b"0\r\n\r\n"
    else:
        framing = f"Content-Length: {len(body)}"
    lines = "".join(f"{one}\r\n" for one in ("Host: a", framing, *fields))
    head = f"POST /x HTTP/1.1\r\n{lines}\r\n".encode("latin-1")
    return await exchange(configured.gateway.port, head + body)


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_is_changed_and_its_length_is_right(
    start_configured: StartConfigured, chunked: bool
) -> None:
    configured = await start_configured(file_of())
    fields = (JSON, "X-Tenant: t-1", "Content-Digest: sha-256=:x:", "Content-MD5: x")
    assert (await post(configured, BODY, *fields, chunked=chunked)).status == 200
    request = configured.upstream.requests[-1]
    changed = b'{"tenant": "t-1", "price": 1.10}'
    assert request.body == changed
    assert request.values(b"Content-Length") == [b"%d" % len(changed)]
    assert request.values(b"Transfer-Encoding") == []
    assert request.values(b"Content-Digest") == request.values(b"Content-MD5") == []


async def test_what_a_client_claims_goes_where_the_variable_has_no_value(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(file_of())
    for body in (BODY, rb'{"price": 1.10, "t\u0065nant": 1, "tenant": 2}'):
        await post(configured, body, JSON)
        assert configured.upstream.requests[-1].body == b'{"price": 1.10}'


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_no_rule_touches_keeps_its_bytes(
    start_configured: StartConfigured, chunked: bool
) -> None:
    configured = await start_configured(file_of(rules="[{remove: /debug}]"))
    body = b' {"a" : 1.0,"a":[1e400]}\n'
    await post(configured, body, JSON, "Content-MD5: x", chunked=chunked)
    request = configured.upstream.requests[-1]
    assert request.body == body
    assert request.values(b"Content-MD5") == [b"x"]


async def test_a_coding_is_undone_and_redone(start_configured: StartConfigured) -> None:
    configured = await start_configured(file_of(rules="[{remove: /debug}]"))
    await post(configured, gzip.compress(BODY), JSON, "Content-Encoding: gzip")
    request = configured.upstream.requests[-1]
    assert request.values(b"Content-Encoding") == [b"gzip"]
    assert gzip.decompress(request.body) == b'{"tenant": "mine", "price": 1.10}'
    plain = await start_configured(file_of(", encoded: plain", "[{remove: /debug}]"))
    await post(plain, gzip.compress(BODY), JSON, "Content-Encoding: gzip")
    request = plain.upstream.requests[-1]
    assert request.values(b"Content-Encoding") == []
    assert request.body == b'{"tenant": "mine", "price": 1.10}'


async def test_lines_are_changed_each(start_configured: StartConfigured) -> None:
    configured = await start_configured(file_of(rules="[{remove: /debug}]"))
    await post(configured, b'{"debug":1,"a":1}\r\n\n{"a":2}', "Content-Type: application/x-ndjson")
    assert configured.upstream.requests[-1].body == b'{"a":1}\r\n\n{"a":2}'


LARGE = b'{"debug":1,"a":"' + b"x" * 1_100_000 + b'"}'
BOMB = gzip.compress(b'{"a":"' + b"x" * 10_000_000 + b'"}')


@pytest.mark.parametrize(
    ("body", "fields", "status", "reason"),
    [
        (b'{"debug":1', (JSON,), 400, "bad_request"),
        (b'{"debug":"\xff"}', (JSON,), 400, "bad_request"),
        (BODY, (), 415, "unsupported_body"),
        (BODY, ("Content-Type: text/plain",), 415, "unsupported_body"),
        (BODY, (JSON, "Content-Encoding: compress"), 415, "unsupported_body"),
        (BODY, (JSON, "Content-Encoding: gzip"), 415, "unsupported_body"),
        (b'{"+AHQ-enant":1}', (f"{JSON}; charset=utf-7",), 415, "unsupported_body"),
        (LARGE, (JSON,), 413, "body_too_large"),
        (BOMB, (JSON, "Content-Encoding: gzip"), 413, "body_too_large"),
    ],
    ids=[
        "cut off",
        "no UTF-8",
        "no type",
        "text",
        "unknown coding",
        "no gzip",
        "UTF-7",
        "large",
        "bomb",
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
async def test_what_can_not_be_changed_passes_or_is_refused(
    start_configured: StartConfigured,
    body: bytes,
    fields: tuple[str, ...],
    status: int,
    reason: str,
    chunked: bool,
) -> None:
    passing = await start_configured(file_of())
    assert (await post(passing, body, *fields, chunked=chunked)).status == 200
    assert passing.upstream.requests[-1].body == body
    refusing = await start_configured(file_of(", json_errors: refuse"))
    answer = await post(refusing, body, *fields, chunked=chunked)
    assert answer.status == status
    assert json.loads(answer.body)["reason"] == reason
    assert refusing.upstream.requests == []


async def test_a_request_without_a_body_passes(start_configured: StartConfigured) -> None:
    configured = await start_configured(file_of(", json_errors: refuse"))
    assert (await configured.ask("/", JSON)).status == 200
    assert (await post(configured, b"", JSON, chunked=True)).status == 200
    assert (await post(configured, b"")).status == 200


async def test_the_route_s_own_bound_holds(start_configured: StartConfigured) -> None:
    configured = await start_configured(file_of(route="max_body: 20"))
    for chunked in (False, True):
        answer = await post(configured, BODY, JSON, chunked=chunked)
        assert answer.status == 413


async def test_a_client_that_expects_100_is_told_to_go_on(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(file_of(rules="[{remove: /debug}]"))
    assert (await post(configured, BODY, JSON, "Expect: 100-continue")).status == 200
    assert configured.upstream.requests[-1].body == b'{"tenant": "mine", "price": 1.10}'


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("rules", "expected"),
    [("[{remove: /debug}, {wrap: /data}]", b'{"data":{"a":1}}'), ("[{remove: /b}]", b'{"a":1}')],
)
async def test_a_request_that_moves_to_another_share_is_changed_once(
    start_configured: StartConfigured,
    start_upstream: StartUpstream,
    rules: str,
    expected: bytes,
    chunked: bool,
) -> None:
    split = "split: {by: {header: X-User}, shares: {gone_service: 99, order_service: 1}}"
    configured = await start_configured(file_of(rules=rules, route=split))
    gone = await start_upstream()
    await configured.gateway.register("gone_service", gone.port, health_check_url="/health")
    await post(configured, b'{"a":1}', JSON, "X-User: 1", chunked=chunked)
    assert gone.requests[-1].body == expected
    await gone.stop()
    answer = await post(configured, b'{"a":1}', JSON, "X-User: 1", chunked=chunked)
    assert answer.status == 200
    request = configured.upstream.requests[-1]
    assert request.body == expected
    assert request.values(b"Content-Length") == [b"%d" % len(expected)]
    assert request.values(b"Transfer-Encoding") == []
