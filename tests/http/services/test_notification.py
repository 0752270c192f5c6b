"""notification_service over HTTP, on a real registry server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urljoin

import orjson
import pytest
from aiohttp import ClientResponse, StreamReader, web
from aiohttp.pytest_plugin import AiohttpClient
from aiohttp.test_utils import TestClient

from services.base.app import STOPPING
from services.notification.app import create_app
from services.notification.settings import NotificationSettings
from tests.http.services.conftest import StandInDirectory
from tests.support.eventually import eventually
from tests.support.registry_servers import RegistryServer

Client = TestClient[web.Request, web.Application]


@pytest.fixture
def app(registry_url: str, directory: StandInDirectory) -> web.Application:
    return create_app(NotificationSettings(redis_url=registry_url), directory)


@pytest.fixture
async def client(aiohttp_client: AiohttpClient, app: web.Application) -> Client:
    return await aiohttp_client(app)


async def posted(client: Client, message: str = "hello", **members: object) -> dict[str, Any]:
    document = {"kind": "test", "message": message, **members}
    response = await client.post("/notifications", json=document)
    assert response.status == 201
    answer: dict[str, Any] = await response.json()
    return answer


async def page(client: Client, query: str = "") -> dict[str, Any]:
    response = await client.get(f"/notifications{query}")
    assert response.status == 200
    document: dict[str, Any] = await response.json()
    return document


def messages(document: dict[str, Any]) -> list[str]:
    return [notification["message"] for notification in document["notifications"]]


async def problem(response: ClientResponse) -> tuple[int, str, str]:
    assert response.content_type == "application/problem+json"
    document = await response.json()
    return response.status, document["reason"], document["detail"]


async def test_what_is_posted_is_answered_with_its_id_and_found_there(client: Client) -> None:
    response = await client.post(
        "/notifications",
        json={
            "kind": "signal",
            "symbol": "BTCUSDT",
            "message": "buy",
            "data": {"strength": 0.75, "tags": ["a"]},
        },
    )
    document = await response.json()
    assert response.status == 201
    assert list(document) == ["id", "kind", "symbol", "message", "data", "created_at"]
    assert document["data"] == {"strength": 0.75, "tags": ["a"]}
    # Relative to the URL that was asked.
    assert response.headers["Location"] == f"notifications/{document['id']}"
    found = await client.get(urljoin("/notifications", response.headers["Location"]))
    assert (found.status, await found.json()) == (200, document)


async def test_what_is_not_given_is_null_or_empty(client: Client) -> None:
    document = await posted(client)
    assert (document["symbol"], document["data"]) == (None, {})


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"[]", "the body must be a JSON object"),
        (b'{"kind": "test"}', "key 'message' is missing"),
        (b'{"kind": "test", "message": " "}', "key 'message': ' ' must not be blank"),
        (b'{"kind": "test", "message": "a", "to": "b"}',
         "unknown key 'to'; known: kind, symbol, message, data"),
        (b'{"kind": "test", "message": "a", "data": {"a": NaN}}',
         "key 'data': {'a': nan} must hold no NaN and no Infinity"),
    ],
)  # fmt: skip
async def test_a_bad_body_is_refused_with_what_is_wrong(
    client: Client, body: bytes, detail: str
) -> None:
    response = await client.post("/notifications", data=body)
    assert await problem(response) == (400, "bad_request", detail)


async def test_a_refusal_repeats_only_the_beginning_of_what_is_long(client: Client) -> None:
    response = await client.post("/notifications", json={"kind": "test", "message": "a" * 1001})
    status, _, detail = await problem(response)
    assert status == 400
    assert detail == f"key 'message': '{'a' * 99}… string should have at most 1000 characters"


async def test_a_body_that_is_too_large_is_refused(client: Client) -> None:
    response = await client.post("/notifications", data=b" " * (16 * 1024 + 1))
    assert await problem(response) == (
        413, "body_too_large", "the body has more than 16384 bytes",
    )  # fmt: skip


async def test_the_newest_come_first_and_pages_follow_each_other(client: Client) -> None:
    for number in range(5):
        await posted(client, f"number {number}")
    first = await page(client, "?limit=2")
    assert messages(first) == ["number 4", "number 3"]
    assert first["count"] == 2
    await posted(client, "comes in between")
    second = await page(client, f"?limit=2&before={first['next_before']}")
    assert messages(second) == ["number 2", "number 1"]
    last = await page(client, f"?limit=2&before={second['next_before']}")
    assert (messages(last), last["next_before"]) == (["number 0"], None)


async def test_a_page_that_ends_with_the_last_one_has_no_next(client: Client) -> None:
    await posted(client)
    assert (await page(client, "?limit=1"))["next_before"] is None
    assert (await page(client, "?kind=other")) == {
        "count": 0,
        "notifications": [],
        "next_before": None,
    }


async def test_filters_are_of_kind_symbol_and_time(client: Client) -> None:
    await posted(client, "a", kind="signal", symbol="BTC")
    await posted(client, "b", kind="signal", symbol="ETH")
    later = await posted(client, "c", kind="other", symbol="BTC")
    assert messages(await page(client, "?kind=signal")) == ["b", "a"]
    assert messages(await page(client, "?symbol=BTC")) == ["c", "a"]
    assert messages(await page(client, "?kind=signal&symbol=BTC")) == ["a"]
    assert "c" in messages(await page(client, f"?since={later['created_at']}"))
    assert messages(await page(client, "?since=2999-01-01T00:00:00Z")) == []
    assert len(messages(await page(client, "?since=1900-01-01T00:00:00%2B01:00"))) == 3


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("limit=0", "query parameter 'limit': '0' should be greater than or equal to 1"),
        ("limit=201", "query parameter 'limit': '201' should be less than or equal to 200"),
        ("before=1", "query parameter 'before': '1' must be the id of a notification"),
        ("before=0-0", "query parameter 'before': '0-0' must be the id of a notification"),
        ("symbol=btc",
         "query parameter 'symbol': 'btc' string should match pattern '^[A-Z0-9]{1,32}$'"),
        ("page=1", "unknown query parameter 'page'; known: kind, symbol, since, before, limit"),
    ],
)  # fmt: skip
async def test_a_bad_query_is_refused_with_what_is_wrong(
    client: Client, query: str, detail: str
) -> None:
    response = await client.get(f"/notifications?{query}")
    assert await problem(response) == (400, "bad_request", detail)


async def test_a_since_without_time_zone_is_refused(client: Client) -> None:
    response = await client.get("/notifications?since=2026-01-01T00:00:00")
    assert (await problem(response))[2].startswith("query parameter 'since': ")


@pytest.mark.parametrize("entry_id", ["1-0", "nope", "18446744073709551615-0", "1-0-0", "%20"])
async def test_what_is_not_kept_is_not_found(client: Client, entry_id: str) -> None:
    response = await client.get(f"/notifications/{entry_id}")
    assert (await problem(response))[:2] == (404, "notification_not_found")


async def post_with_key(client: Client, message: str, key: str) -> ClientResponse:
    return await client.post(
        "/notifications",
        json={"message": message, "kind": "test"},
        headers={"Idempotency-Key": key},
    )


async def test_a_repeated_key_keeps_one_and_answers_with_it(client: Client) -> None:
    first = await post_with_key(client, "once", "key-1")
    again = await post_with_key(client, "once", "key-1")
    other = await post_with_key(client, "once", "key-2")
    assert (first.status, again.status, other.status) == (201, 200, 201)
    assert await first.json() == await again.json()
    assert len(messages(await page(client))) == 2


async def test_posts_at_the_same_time_with_one_key_keep_one(
    client: Client, aiohttp_client: AiohttpClient, registry_url: str, directory: StandInDirectory
) -> None:
    settings = NotificationSettings(redis_url=registry_url)
    second = await aiohttp_client(create_app(settings, directory))
    answers = await asyncio.gather(
        *(post_with_key(instance, "once", "key-1") for instance in [client, second] * 10)
    )
    assert sorted(answer.status for answer in answers) == [200] * 19 + [201]
    assert len({(await answer.json())["id"] for answer in answers}) == 1
    assert messages(await page(client)) == ["once"]


async def test_a_key_that_comes_with_another_body_is_refused(client: Client) -> None:
    first = await (await post_with_key(client, "once", "key-1")).json()
    response = await post_with_key(client, "twice", "key-1")
    assert await problem(response) == (
        422,
        "idempotency_key_reused",
        f"this Idempotency-Key came with another body, which is {first['id']}",
    )
    assert messages(await page(client)) == ["once"]


@pytest.mark.parametrize("key", ["", "a b", "ü", "a" * 256])
async def test_a_key_that_is_none_is_refused(client: Client, key: str) -> None:
    response = await post_with_key(client, "once", key)
    assert (await problem(response))[:2] == (400, "bad_request")


async def test_only_so_many_are_kept_and_their_keys_with_them(
    aiohttp_client: AiohttpClient, registry_url: str, directory: StandInDirectory
) -> None:
    settings = NotificationSettings(redis_url=registry_url)
    client: Client = await aiohttp_client(create_app(settings, directory, most_kept=3))
    for number in range(5):
        await post_with_key(client, f"number {number}", f"key-{number}")
    assert messages(await page(client)) == ["number 4", "number 3", "number 2"]
    assert (await post_with_key(client, "number 4", "key-4")).status == 200
    assert (await post_with_key(client, "number 0", "key-0")).status == 201


async def test_namespaces_are_apart(
    client: Client, aiohttp_client: AiohttpClient, registry_url: str, directory: StandInDirectory
) -> None:
    settings = NotificationSettings(redis_url=registry_url, registry_namespace="other")
    other = await aiohttp_client(create_app(settings, directory))
    await posted(client)
    assert (await page(other))["count"] == 0


async def test_status_shows_whether_the_registry_answers(client: Client) -> None:
    status = await (await client.get("/status")).json()
    assert status["dependencies"] == [{"name": "registry", "state": "available"}]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/notifications"),
        ("GET", "/notifications/1-0"),
        ("GET", "/notifications/stream"),
        ("POST", "/notifications"),
    ],
)
async def test_without_the_registry_it_says_so_and_when_to_ask_again(
    aiohttp_client: AiohttpClient, directory: StandInDirectory, method: str, path: str
) -> None:
    settings = NotificationSettings(redis_url="redis://127.0.0.1:1/0")
    client = await aiohttp_client(create_app(settings, directory))
    response = await client.request(method, path, json={"kind": "test", "message": "hello"})
    assert response.headers["Retry-After"] == "1"
    assert await problem(response) == (
        503,
        "dependency_unavailable",
        "registry is not available: it can't read or write notifications now",
    )


@asynccontextmanager
async def stream(client: Client, query: str = "", **headers: str) -> AsyncIterator[StreamReader]:
    async with client.get(f"/notifications/stream{query}", headers=headers) as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
        yield response.content


async def event(content: StreamReader) -> tuple[str, dict[str, Any]]:
    """The id and the document of the next event."""
    async with asyncio.timeout(10):
        lines = [await content.readline() for _ in range(4)]
    assert (lines[1], lines[3]) == (b"event: notification\n", b"\n")
    return lines[0].decode().strip()[4:], orjson.loads(lines[2].removeprefix(b"data: "))


async def test_the_stream_shows_each_as_it_comes(client: Client) -> None:
    await posted(client, "before")
    async with stream(client) as content:
        for number in range(3):
            document = await posted(client, f"number {number}")
            assert await event(content) == (document["id"], document)


async def test_the_stream_of_one_instance_shows_what_another_has_taken(
    client: Client, aiohttp_client: AiohttpClient, registry_url: str, directory: StandInDirectory
) -> None:
    settings = NotificationSettings(redis_url=registry_url)
    other = await aiohttp_client(create_app(settings, directory))
    async with stream(client) as content:
        document = await posted(other)
        assert await event(content) == (document["id"], document)


async def test_who_comes_back_gets_what_it_has_missed(client: Client) -> None:
    async with stream(client) as content:
        await posted(client, "seen")
        last_id, _ = await event(content)
    for number in range(3):
        await posted(client, f"missed {number}")
    async with stream(client, **{"Last-Event-ID": last_id}) as content:
        for number in range(3):
            assert (await event(content))[1]["message"] == f"missed {number}"
        await posted(client, "new")
        assert (await event(content))[1]["message"] == "new"


async def test_the_stream_can_be_of_a_kind_and_a_symbol(client: Client) -> None:
    async with stream(client, "?kind=signal&symbol=BTC") as content:
        await posted(client, "a", kind="signal", symbol="ETH")
        await posted(client, "b", symbol="BTC")
        await posted(client, "c", kind="signal", symbol="BTC")
        assert (await event(content))[1]["message"] == "c"


@pytest.mark.parametrize("event_id", ["nope", "1", f"{2**64 - 1}-0"])
async def test_a_last_event_id_that_is_none_is_refused(client: Client, event_id: str) -> None:
    response = await client.get("/notifications/stream", headers={"Last-Event-ID": event_id})
    assert await problem(response) == (
        400, "bad_request", f"Last-Event-ID {event_id!r} is not the id of a notification",
    )  # fmt: skip


async def test_the_stream_ends_when_the_service_is_to_stop(
    client: Client, app: web.Application
) -> None:
    async with stream(client) as content:
        app[STOPPING].set()
        async with asyncio.timeout(5):
            assert await content.read() == b""


async def test_streams_outlive_an_outage_of_the_registry(
    aiohttp_client: AiohttpClient, directory: StandInDirectory, own_registry: RegistryServer
) -> None:
    settings = NotificationSettings(redis_url=own_registry.url)
    client: Client = await aiohttp_client(create_app(settings, directory))
    async with stream(client) as content:
        own_registry.kill()
        response = await client.post("/notifications", json={"kind": "test", "message": "lost"})
        assert response.status == 503
        own_registry.start()
        document: dict[str, Any] = await eventually(lambda: posted(client), within_s=10)
        assert await event(content) == (document["id"], document)
