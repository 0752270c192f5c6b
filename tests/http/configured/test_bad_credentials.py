"""Credentials that nobody sends by mistake: a clear refusal, bounded memory, and nothing secret told anywhere."""

import contextlib
import hashlib
import json
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.api_keys import make_key
from tests.support.passwords import basic, htpasswd
from tests.support.raw_clients import RawAnswer, RawClient
from tests.support.tokens import AUDIENCE, ISSUER, SECRET, claims, token

FILE = """
    discover: false
    auth:
      ops: {type: basic, users_file: users}
    routes:
      - {name: guarded, match: {prefix: /guarded}, service: order_service, auth: {any_of: [ops]}}
      - {name: shadow, match: {prefix: /shadow}, service: order_service,
         auth: {any_of: [ops], shadow: true}}
"""
OTHER_WAYS = f"""
    discover: false
    auth:
      keys: {{type: api_key}}
      users: {{type: jwt, issuer: "{ISSUER}", audience: {AUDIENCE}, secret_file: secret, algorithms: [HS256]}}
    routes:
      - {{name: guarded, match: {{prefix: /guarded}}, service: order_service, auth: {{any_of: [keys, users]}}}}
      - {{name: shadow, match: {{prefix: /shadow}}, service: order_service,
         auth: {{any_of: [users], shadow: true}}}}
      - {{name: scoped, match: {{prefix: /scoped}}, service: order_service,
         auth: {{any_of: [keys, users], scopes: {{all: [a]}}}}}}
"""
PASSWORD = "Correct-Horse-Battery-Staple"
GUESS = "Wrong-Horse-Battery-Staple"
ALICE = basic("alice", PASSWORD)
MIB = 2**20


@pytest.fixture(autouse=True)
def _users(tmp_path: Path) -> None:
    (tmp_path / "users").write_bytes(htpasswd(alice=PASSWORD))


def reason(answer: RawAnswer) -> str:
    return str(json.loads(answer.body)["reason"])


async def asked(configured: Configured, lines: bytes, path: bytes = b"/guarded") -> RawAnswer:
    """The answer to a request of any size; the gateway may close before it has read all of it."""
    async with await RawClient.connect(configured.gateway.port) as client:
        with contextlib.suppress(ConnectionError):
            await client.send(b"GET %b HTTP/1.1\r\nHost: h\r\n%b\r\n\r\n" % (path, lines))
        return await client.answer()


@pytest.mark.parametrize("scheme", [b"Basic", b"Bearer", b"Digest", b"\xff", b"a" * 1000])
@pytest.mark.parametrize("size", [70_000, MIB, 4 * MIB])
async def test_a_token_of_any_size_is_refused_for_its_size(
    start_configured: StartConfigured, scheme: bytes, size: int
) -> None:
    configured = await start_configured(FILE)
    answer = await asked(configured, b"Authorization: %b %b" % (scheme, b"A" * size))
    assert (answer.status, reason(answer)) == (431, "header_too_large")
    assert configured.upstream.requests == []


@pytest.mark.parametrize("token", [b"A" * 50_000, b"QUFB" * 12_000, b"." * 50_000, b"=" * 50_000])
async def test_one_as_long_as_a_head_may_have_is_not_valid(
    start_configured: StartConfigured, token: bytes
) -> None:
    configured = await start_configured(FILE)
    for scheme in (b"Basic", b"Bearer"):
        answer = await asked(configured, b"Authorization: %b %b" % (scheme, token))
        assert answer.status == 401
        assert len(answer.head) + len(answer.body) < 2000


@pytest.mark.parametrize(
    "line", [ALICE.encode(), b"Authorization:", b"authorization: Bearer x", b"AUTHORIZATION: a"]
)
async def test_a_thousand_of_them_are_a_mistake_of_the_client(
    start_configured: StartConfigured, line: bytes
) -> None:
    configured = await start_configured(FILE)
    for number in (2, 3, 50, 1000):
        answer = await asked(configured, b"\r\n".join([line] * number))
        assert answer.status in (400, 431)
        assert answer.values(b"WWW-Authenticate") == []
    assert configured.upstream.requests == []


async def test_a_valid_one_beside_another_is_not_believed(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE)
    alice = ALICE.encode()
    for other in (
        b"Authorization: Bearer x",
        b"authorization:",
        alice,
        b"AUTHORIZATION: Basic eDp5",
    ):
        for lines in ((alice, other), (other, alice)):
            answer = await asked(configured, b"\r\n".join(lines))
            assert (other, answer.status, reason(answer)) == (other, 400, "bad_request")
    joined = await asked(configured, alice + b", " + alice.partition(b": ")[2])
    assert joined.status == 401
    assert configured.upstream.requests == []


@pytest.mark.parametrize(
    "value",
    [
        *(b"", b" ", b"Basic", b"Basic ", b"Basic  ", b"Basic \t", b"basic =", b"Basic ===="),
        *(
            b"Basic YQ",
            b"Basic YQ==",
            b"Basic !!!!",
            b"Basic \xff\xfe",
            b"\xff\xfe",
            b"Basic YWxpY2U6\xff",
        ),
        *(
            b"Basic\xa0YWxpY2U=",
            b"Basic,",
            b"Basic a b",
            b"Bearer",
            b"Bearer \xc3\xbc",
            b"lg_",
            b"Bearer lg_",
        ),
        *(
            b"Basic OnBhc3M=",
            b"Basic Og==",
            b"Basic YWxpY2U6AA==",
            b"Basic AAAA",
            b"Basic /////w==",
        ),
        *(
            b"Negotiate YIIB",
            b'Digest username="alice"',
            b"Basic realm=x",
            b"B" * 5000,
            b"null",
            b"undefined",
        ),
    ],
)
async def test_odd_bytes_are_not_valid(start_configured: StartConfigured, value: bytes) -> None:
    configured = await start_configured(FILE)
    answer = await asked(configured, b"Authorization: " + value)
    assert (answer.status, reason(answer)) == (401, "unauthorized")
    assert answer.values(b"WWW-Authenticate") == [b'Basic realm="lockgate", charset="UTF-8"']
    assert configured.upstream.requests == []


@pytest.mark.parametrize("value", [b"Basic \x00", b"Basic a\x01b", b"Basic a\rb", b"\x7f"])
async def test_what_no_field_may_have_is_no_request(
    start_configured: StartConfigured, value: bytes
) -> None:
    configured = await start_configured(FILE)
    answer = await asked(configured, b"Authorization: " + value)
    assert answer.status in (400, 401)
    assert configured.upstream.requests == []


async def test_many_different_ones_leave_the_memory_as_it_was(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE)

    async def flood(first: int) -> None:
        async with await RawClient.connect(configured.gateway.port) as client:
            for number in range(first, first + 300):
                token = b"%06d" % number * 5000
                await client.send(
                    b"GET /guarded HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer %b\r\n\r\n" % token
                )
                assert (await client.answer()).status == 401

    await flood(0)
    tracemalloc.start()
    try:
        await flood(1000)
        before, _ = tracemalloc.get_traced_memory()
        await flood(2000)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < MIB  # of 9 MiB that were sent


async def test_nothing_secret_is_told_anywhere(
    start_configured: StartConfigured, capfd: pytest.CaptureFixture[str]
) -> None:
    configured = await start_configured(FILE, LOG_LEVEL="debug")
    secrets = [PASSWORD, GUESS, *(basic("alice", one).split()[-1] for one in (PASSWORD, GUESS))]
    secrets.append("lg_secret-of-a-key-that-is-none")
    lines = [
        *(ALICE, basic("alice", GUESS), basic(GUESS, GUESS), f"Authorization: Bearer {GUESS}"),
        *(
            f"Authorization: {GUESS}",
            f"Authorization: {GUESS} {GUESS}",
            f"X-API-Key: {secrets[-1]}",
        ),
        f"Authorization: Bearer {secrets[-1]}",
        *(f"{ALICE}\r\n{ALICE}", f"{ALICE}\r\nX-API-Key: {secrets[-1]}"),
    ]
    told = await told_of(configured, lines, capfd)
    for secret in secrets:
        assert not [text for text in told if secret in text], secret


async def test_no_key_token_or_secret_is_told_anywhere(
    start_configured: StartConfigured, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret").touch(0o600)
    (tmp_path / "secret").write_bytes(SECRET)
    configured = await start_configured(OTHER_WAYS, LOG_LEVEL="debug")
    now_s = time.time()
    valid, late, forged = (
        token(claims(at_s), key, "HS256").decode()
        for at_s, key in ((now_s, SECRET), (now_s - 9999, SECRET), (now_s, SECRET[::-1]))
    )
    key = (await make_key(configured.gateway, "reader"))["key"]
    typed = key[:-1] + ("a" if key[-1] != "a" else "b")
    credentials = [valid, late, forged, key, typed]
    lines = [f"Authorization: Bearer {one}" for one in credentials]
    lines += [f"X-API-Key: {one}" for one in credentials]
    lines += [f"Authorization: Bearer {valid}\r\nX-API-Key: {key}"]
    told = await told_of(configured, lines, capfd)
    secrets = [*credentials, *(one.split(".")[-1] for one in (valid, late, forged)), key[3:46]]
    secrets += [SECRET[1:].decode(), hashlib.sha256(key.encode()).hexdigest()]
    for secret in secrets:
        assert not [text for text in told if secret in text], secret


async def told_of(
    configured: Configured, lines: Sequence[str], capfd: pytest.CaptureFixture[str]
) -> list[str]:
    """All that is told of requests with these lines: answers, log, metrics, state and representations."""
    told = []
    for line in lines:
        for path in (b"/guarded", b"/shadow", b"/scoped", b"/none"):
            answer = await asked(configured, line.encode(), path)
            told.append((answer.head + answer.body).decode("latin-1"))
    assert {text[9:12] for text in told} >= {"200", "401", "404"}
    told += [
        (await configured.gateway.admin("GET", path)).body.decode()
        for path in ("/status", "/metrics", "/routes", "/services/order_service")
    ]
    gateway = configured.gateway.gateway
    assert gateway.ways is not None
    assert gateway.configuration is not None
    told += [repr(gateway.ways.live), repr(gateway.configuration.in_force)]
    told += capfd.readouterr()
    assert "auth.shadow_refused" in told[-2]
    return told
