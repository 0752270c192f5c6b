"""Tokens of an issuer at a gateway's door: its keys are fetched, changed, and missed."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from tests.http.configured.conftest import Configured, StartConfigured
from tests.support import tokens
from tests.support.eventually import eventually
from tests.support.issuers import DISCOVERY, JWKS, OAUTH, Issuer
from tests.support.raw_clients import RawAnswer, RawClient
from tests.support.tokens import b64

FILE = """\
auth:
  users: {type: jwt, issuer: ISSUER, audience: lockgate, SOURCE, algorithms: [ES256], refresh: REFRESHMORE}
defaults:
  auth: {any_of: [users]}
routes:
  - {name: open, match: {prefix: /open}, service: order_service, auth: none}
  - name: orders
    match: {prefix: /orders}
    service: order_service
    auth: {any_of: [users], scopes: {all: [orders:read]}}
  - {name: any, match: {prefix: /any}, service: order_service}
"""


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    issuer = Issuer()
    await issuer.start()
    yield issuer
    await issuer.stop()


async def started(
    start_configured: StartConfigured,
    issuer: Issuer,
    more: str = "",
    source: str = "jwks",
    refresh: str = "1s",
) -> Configured:
    where = f"jwks_url: '{issuer.url}/jwks'" if source == "jwks" else "leeway: 30s"
    text = (
        FILE.replace("ISSUER", f"'{issuer.url}'")
        .replace("SOURCE", where)
        .replace("REFRESH", refresh)
    )
    return await start_configured(text.replace("MORE", f", {more}" if more else ""))


def said(configured: Configured) -> Any:
    ways = configured.gateway.gateway.ways
    assert ways is not None
    return ways.describe()["users"]


def document(answer: RawAnswer) -> Any:
    return json.loads(answer.body)


async def has_keys(configured: Configured) -> None:
    await eventually(lambda: said(configured)["keys"])


async def asked(configured: Configured, token: str, path: str = "/any/1") -> RawAnswer:
    return await configured.ask(path, f"Authorization: Bearer {token}")


async def test_a_token_is_admitted_and_the_service_learns_of_whom(
    start_configured: StartConfigured, issuer: Issuer
) -> None:
    configured = await started(start_configured, issuer)
    await has_keys(configured)
    token = issuer.token(time.time(), scope="orders:read  b", role="admin")
    for _ in range(2):  # verified, and remembered
        assert (await asked(configured, token, "/orders/1")).status == 200
        received = configured.upstream.requests[-1]
        assert received.values(b"X-Auth-Subject") == [b"ada"]
        assert received.values(b"X-Auth-Scopes") == [b"b orders:read"]
        assert received.values(b"X-Auth-Method") == [b"jwt"]
        assert received.values(b"Authorization") == []
    assert said(configured)["remembered"] == 1


async def test_keys_are_found_by_the_discovery_document(
    start_configured: StartConfigured, issuer: Issuer
) -> None:
    configured = await started(start_configured, issuer, source="discovery")
    await has_keys(configured)
    assert (await asked(configured, issuer.token(time.time()))).status == 200
    await eventually(lambda: issuer.fetches >= 2)
    assert issuer.asked.count(DISCOVERY) == 1  # its address is not asked for each time


async def test_keys_are_found_where_oauth_alone_has_the_document(
    start_configured: StartConfigured, issuer: Issuer
) -> None:
    issuer.discovery = OAUTH
    configured = await started(start_configured, issuer, source="discovery")
    await has_keys(configured)
    assert issuer.asked[:3] == [DISCOVERY, OAUTH, JWKS]


@pytest.mark.parametrize(
    ("says", "problem"),
    [
        ({"issuer": "https://other.example"}, "another issuer"),
        ({"jwks_uri": "http://other.example/jwks"}, "no https:// URL as jwks_uri"),
    ],
    ids=["issuer", "keys"],
)
async def test_a_discovery_document_that_is_not_to_be_trusted_brings_no_keys(
    start_configured: StartConfigured, issuer: Issuer, says: dict[str, str], problem: str
) -> None:
    issuer.says = says
    configured = await started(start_configured, issuer, source="discovery")
    await eventually(lambda: problem in said(configured).get("problem", ""))
    assert issuer.fetches == 0
    assert (await asked(configured, issuer.token(time.time()))).status == 503


async def test_the_status_tells_how_old_the_keys_are(
    start_configured: StartConfigured, issuer: Issuer
) -> None:
    configured = await started(start_configured, issuer, refresh="5m")
    await has_keys(configured)
    status = (await configured.gateway.admin("GET", "/status")).json()
    assert status["auth"]["users"]["type"] == "jwt"
    assert 0 <= status["auth"]["users"]["keys_age_s"] < 60
    assert 86300 < status["auth"]["users"]["keys_left_s"] <= 86400
    assert "auth" not in (await configured.gateway.get("/status")).json()


async def test_a_gateway_that_starts_has_the_keys_before_it_listens(
    start_configured: StartConfigured, issuer: Issuer
) -> None:
    configured = await started(start_configured, issuer)
    assert (await asked(configured, issuer.token(time.time()))).status == 200


async def test_an_issuer_that_hangs_does_not_keep_a_gateway_from_starting(
    start_configured: StartConfigured, issuer: Issuer
) -> None:
    issuer.answers.clear()
    configured = await started(start_configured, issuer)
    assert (await configured.ask("/open/1")).status == 200
    assert (await asked(configured, issuer.token(time.time()))).status == 503


async def test_before_the_first_keys_nobody_is_admitted_and_nobody_refused(
    start_configured: StartConfigured, issuer: Issuer
) -> None:
    issuer.status = 500
    configured = await started(start_configured, issuer)
    answer = await asked(configured, issuer.token(time.time()))
    assert (answer.status, answer.values(b"Retry-After")) == (503, [b"1"])
    assert document(answer)["reason"] == "auth_unavailable"
    assert (await configured.ask("/open/1")).status == 200
    assert (await configured.ask("/any/1")).status == 401
    issuer.status = 200
    await has_keys(configured)
    assert (await asked(configured, issuer.token(time.time()))).status == 200


async def test_keys_rotate_without_a_failed_request(
    start_configured: StartConfigured, issuer: Issuer
) -> None:
    issuer.cache_control = "max-age=2"
    configured = await started(start_configured, issuer)
    await has_keys(configured)
    statuses: list[int] = []
    stop = asyncio.Event()

    async def ask_on() -> None:
        while not stop.is_set():
            statuses.append((await asked(configured, issuer.token(time.time()))).status)

    async def seen(keys: int) -> None:
        await eventually(lambda: said(configured)["keys"] == keys)

    async with asyncio.TaskGroup() as clients:
        for _ in range(4):
            clients.create_task(ask_on())
        # An issuer that signs with a new key at once: the first of these tokens is what starts the fetch.
        issuer.rotate("k2")
        await seen(2)
        # And one that publishes it first, as it should, as often as it likes.
        for number in (3, 4):
            issuer.publish(f"k{number}")
            await seen(number)
            issuer.current = f"k{number}"
            before = len(statuses)
            await eventually(lambda: len(statuses) > before + 50)  # noqa: B023
        stop.set()
    assert set(statuses) == {200}


async def test_a_key_that_is_published_no_longer_admits_nobody_even_whom_it_has(
    start_configured: StartConfigured, issuer: Issuer
) -> None:
    issuer.cache_control = "max-age=2"
    configured = await started(start_configured, issuer)
    await has_keys(configured)
    token = issuer.token(time.time())
    assert (await asked(configured, token)).status == 200
    issuer.rotate("k2", keeps=False)
    await eventually(lambda: _is(configured, token, 401))


async def _is(configured: Configured, token: str, status: int) -> bool:
    return (await asked(configured, token)).status == status


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'{"keys": []}', "none that can be used"),
        (b"<html>", "no JSON"),
        (b'{"keys": [{"kty": "new"}]}', "none that can be used"),
        (b"", "no JSON"),
        (b'{"keys": []}' + b" " * 2**21, "more than 1 MiB"),
    ],
    ids=["empty", "page", "unusable", "nothing", "too large"],
)
async def test_what_is_no_set_of_keys_takes_the_place_of_none(
    start_configured: StartConfigured, issuer: Issuer, content: bytes, problem: str
) -> None:
    configured = await started(start_configured, issuer)
    await has_keys(configured)
    issuer.content = content
    before = issuer.fetches
    await eventually(lambda: issuer.fetches > before + 1)
    assert problem in said(configured)["problem"]
    assert (await asked(configured, issuer.token(time.time(), sub="eve"))).status == 200
    issuer.content = None
    await eventually(lambda: "problem" not in said(configured))


async def test_the_issuer_may_be_away_for_longer_than_its_answer_was_good_for(
    start_configured: StartConfigured, issuer: Issuer
) -> None:
    issuer.cache_control = "max-age=1"
    configured = await started(start_configured, issuer)
    await has_keys(configured)
    await issuer.stop()
    await eventually(lambda: "reached" in said(configured).get("problem", ""))
    await eventually(lambda: said(configured)["keys_age_s"] > 1.5)
    assert (await asked(configured, issuer.token(time.time()))).status == 200


async def test_keys_are_not_good_for_ever(
    start_configured: StartConfigured, issuer: Issuer
) -> None:
    configured = await started(start_configured, issuer, more="keys_max_age: 2s", refresh="5m")
    await has_keys(configured)
    token = issuer.token(time.time())
    assert (await asked(configured, token)).status == 200
    issuer.status = 503
    await eventually(lambda: _is(configured, token, 503))
    issuer.status = 200
    await eventually(lambda: _is(configured, token, 200))


async def test_no_request_waits_for_an_issuer_that_hangs(
    start_configured: StartConfigured, issuer: Issuer
) -> None:
    configured = await started(start_configured, issuer)
    await has_keys(configured)
    issuer.answers.clear()
    before = issuer.fetches
    await eventually(lambda: issuer.fetches > before)
    assert (await asked(configured, issuer.token(time.time()))).status == 200
    assert "problem" not in said(configured)  # that fetch is still under way


async def invent(configured: Configured, numbers: Iterable[int]) -> None:
    """Ask with a token of an invented kid for each number, over one connection."""
    signed = issuer_like_token()
    async with await RawClient.connect(configured.gateway.port) as client:
        for number in numbers:
            header = b64(b'{"alg":"ES256","kid":"invented-%d"}' % number).decode()
            lines = (
                f"GET /any/1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {header}.{signed}\r\n\r\n"
            )
            await client.send(lines.encode())
            assert (await client.answer()).status == 401


def issuer_like_token() -> str:
    """The payload and signature of a token by a key of mine."""
    return tokens.token(tokens.claims(time.time())).decode().partition(".")[2]


async def test_10_000_invented_kids_start_one_fetch(
    start_configured: StartConfigured, issuer: Issuer
) -> None:
    configured = await started(start_configured, issuer, refresh="5m")
    await has_keys(configured)
    begun_s = time.monotonic()
    async with asyncio.TaskGroup() as clients:
        for first in range(4):
            clients.create_task(invent(configured, range(first, 10_000, 4)))
    # The first fetch was at the start; the plan's next one comes after minutes.
    assert issuer.fetches - 1 <= 1 + (time.monotonic() - begun_s) // 30


async def test_a_rotation_is_seen_in_time_however_many_kids_are_invented(
    start_configured: StartConfigured, issuer: Issuer
) -> None:
    configured = await started(start_configured, issuer)
    await has_keys(configured)
    seen = asyncio.Event()

    async def invent_on(first: int) -> None:
        while not seen.is_set():
            await invent(configured, range(first, first + 20))
            first += 20

    async with asyncio.TaskGroup() as clients:
        for number in range(2):
            clients.create_task(invent_on(number * 10**6))
        fetches = issuer.fetches
        await eventually(
            lambda: issuer.fetches > fetches
        )  # they have used up what kids may ask for
        issuer.rotate("k2")
        # The plan asks each second here, after half of what the issuer says elsewhere.
        await eventually(lambda: _is(configured, issuer.token(time.time()), 200))
        seen.set()


async def test_tokens_of_one_issuer_do_not_wait_for_another_one_that_hangs(
    start_configured: StartConfigured, issuer: Issuer
) -> None:
    """The first way looked for their kid at its own issuer."""
    other = Issuer()
    await other.start()
    try:
        text = FILE.replace("any_of: [users]}\nroutes", "any_of: [others, users]}\nroutes").replace(
            "auth:\n",
            "auth:\n  others: {type: jwt, issuer: OTHER, audience: lockgate, algorithms: [ES256]}\n",
            1,
        )
        configured = await start_configured(
            text.replace("OTHER", f"'{other.url}'")
            .replace("ISSUER", f"'{issuer.url}'")
            .replace("SOURCE", "leeway: 30s")
            .replace("REFRESHMORE", "5m")
        )
        await has_keys(configured)
        await eventually(lambda: other.fetches == 1)
        other.answers.clear()
        issuer.rotate("k2")
        assert (await asked(configured, issuer.token(time.time()))).status == 200
        assert other.fetches == 1
    finally:
        await other.stop()


async def test_no_keys_are_taken_from_where_a_redirect_leads(
    start_configured: StartConfigured, issuer: Issuer
) -> None:
    other = Issuer()
    await other.start()
    try:
        issuer.status, issuer.location = 307, f"{other.url}{JWKS}"
        configured = await started(start_configured, issuer)
        await eventually(lambda: said(configured).get("problem") == "it answers 307")
        assert other.asked == []
        forged = other.token(time.time(), iss=issuer.url)
        assert (await asked(configured, forged)).status == 503
    finally:
        await other.stop()


async def test_an_answer_that_was_overtaken_brings_no_old_keys_back(
    start_configured: StartConfigured, issuer: Issuer
) -> None:
    configured = await started(start_configured, issuer)
    await has_keys(configured)
    held = issuer.next_waits_for = asyncio.Event()
    await eventually(lambda: issuer.next_waits_for is None)
    issuer.rotate("k2", keeps=False)
    assert (await asked(configured, issuer.token(time.time()))).status == 200
    fetches = issuer.fetches
    held.set()
    await eventually(lambda: issuer.fetches > fetches)
    # Keys that change make it forget the token.
    assert said(configured)["remembered"] == 1


async def test_an_unknown_kid_is_refused_at_once_while_another_is_looked_for(
    start_configured: StartConfigured, issuer: Issuer
) -> None:
    configured = await started(start_configured, issuer, refresh="5m")
    await has_keys(configured)
    issuer.answers.clear()
    first = asyncio.create_task(asked(configured, issuer.token(time.time(), kid="k8")))
    await eventually(lambda: issuer.fetches == 2)
    assert (await asked(configured, issuer.token(time.time(), kid="k9"))).status == 401
    assert said(configured)["keys"] == 1  # the fetch for the first one is still under way
    issuer.rotate("k8")
    issuer.answers.set()
    assert (await first).status == 401  # of that name there is a key now, but it did not sign this
    assert (await asked(configured, issuer.token(time.time()))).status == 200


async def test_a_challenge_says_what_is_wrong_and_where_tokens_come_from(
    start_configured: StartConfigured, issuer: Issuer
) -> None:
    configured = await started(start_configured, issuer)
    await has_keys(configured)
    about = 'resource_metadata="http://a.example/.well-known/oauth-protected-resource/orders/1"'

    def challenge(answer: RawAnswer) -> str:
        (found,) = answer.values(b"WWW-Authenticate")
        return found.decode()

    nothing = await configured.ask("/orders/1")
    assert (nothing.status, challenge(nothing)) == (401, f"Bearer {about}")
    bad = await asked(configured, "x.y.z", "/orders/1")
    assert (bad.status, challenge(bad)) == (401, f'Bearer error="invalid_token", {about}')
    lacking = await asked(configured, issuer.token(time.time(), scope="a"), "/orders/1")
    assert lacking.status == 403
    assert challenge(lacking) == (
        f'Bearer error="insufficient_scope", scope="orders:read", {about}'
    )
    assert "orders:read" in document(lacking)["detail"]


async def test_whatever_is_wrong_with_a_token_the_answer_is_the_same(
    start_configured: StartConfigured, issuer: Issuer
) -> None:
    configured = await started(start_configured, issuer)
    await has_keys(configured)
    now_s = time.time()
    refused = [
        "x",
        issuer.token(now_s)[:-5],
        issuer.token(now_s, exp=now_s - 60),
        issuer.token(now_s, aud="other"),
        issuer.token(now_s, iss="other"),
        issuer.token(now_s, kid="k9"),
        "a" * 1000,
    ]
    answers = [await asked(configured, token) for token in refused]
    assert {answer.status for answer in answers} == {401}
    assert len({document(answer)["detail"] for answer in answers}) == 1
    assert len({answer.values(b"WWW-Authenticate")[0] for answer in answers}) == 1


async def test_a_reload_that_keeps_the_issuer_keeps_its_keys(
    start_configured: StartConfigured, issuer: Issuer
) -> None:
    configured = await started(start_configured, issuer)
    await has_keys(configured)
    issuer.status = 500
    before = configured.gateway.gateway.ways.live["users"]  # type: ignore[union-attr]
    configured.write(configured.file.read_text().replace("refresh: 1s", "refresh: 1h, leeway: 5s"))
    await configured.gateway.admin("POST", "/config/reload")
    assert configured.gateway.gateway.ways.live["users"] is not before  # type: ignore[union-attr]
    assert (await asked(configured, issuer.token(time.time()))).status == 200
