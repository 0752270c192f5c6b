"""A request names a version in a path, header, media type or query, and gets an instance of it."""

import json
from collections.abc import Awaitable, Callable, Mapping

import pytest

from tests.conftest import StartUpstream
from tests.http.configured.conftest import StartConfigured
from tests.support.versions import Versions, start_versions

FILE = """
    routes:
      - name: orders
        match: {prefix: /orders}
        service: order_service
        limits: null
        versions:
          from: [path, {header: Accept-Version}, {media_type: v}, {query: version}]
          default: "1"
"""
THREE = {"one": "1.4.2", "two": "2.0.1", "three": "3.0.0-rc.1"}

Start = Callable[..., Awaitable[Versions]]


@pytest.fixture
def start(start_configured: StartConfigured, start_upstream: StartUpstream) -> Start:
    async def start(
        file: str = FILE, versions: Mapping[str, str | None] = THREE, *fields: str
    ) -> Versions:
        return await start_versions(start_configured, start_upstream, file, versions, *fields)

    return start


@pytest.mark.parametrize(
    ("path", "fields", "expected"),
    [
        ("/orders/7a", (), "one"),
        ("/orders/v2/7", (), "two"),
        ("/orders/2/7", (), "two"),
        ("/orders/2.0/7", (), "two"),
        ("/orders/v3.0.0-rc.1", (), "three"),
        ("/orders", ("Accept-Version: 2",), "two"),
        ("/orders", ("accept-version: ^2.0",), "two"),
        ("/orders", ("Accept-Version: >=1.2 <2",), "one"),
        ("/orders", ("Accept-Version: v1",), "one"),
        ("/orders", ("Accept-Version: *",), "one"),
        ("/orders", ("Accept-Version: 2, 2.0",), "two"),
        ("/orders", ("Accept: application/json; V=2",), "two"),
        ("/orders", ('Accept: text/html, application/json;v="2"',), "two"),
        ("/orders", ("Accept: application/json;v=1;q=0.5, application/json;v=2",), "two"),
        ("/orders", ("Accept: application/json;v=9, application/json;v=2;q=0.1",), "two"),
        ("/orders", ("Accept: application/json;v=2;q=0",), "one"),
        ("/orders", ("Accept: text/html,application/signed-exchange;v=b3;q=0.7",), "one"),
        ("/orders", ("Content-Type: application/json;v=2",), "two"),
        ("/orders?version=2", (), "two"),
        ("/orders?a=1&version=2.0%2B", (), "two"),
        ("/orders?version=2.0+", (), "two"),
        ("/orders/v2", ("Accept-Version: 2.0", "Accept: */*;v=^2"), "two"),
    ],
)
async def test_a_request_gets_the_version_that_it_names(
    start: Start, path: str, fields: tuple[str, ...], expected: str
) -> None:
    versions = await start()
    assert await versions.ask(path, *fields) == (200, expected)
    assert versions.services[expected].targets[-1] == path  # without rewrite it passes as it is


@pytest.mark.parametrize(
    ("path", "fields", "reason", "words"),
    [
        ("/orders/v2", ("Accept-Version: 1",), "version_conflict", "the path names version 2"),
        ("/orders", ("Accept-Version: 1, 2",), "version_conflict", "Accept-Version"),
        ("/orders?version=1&version=2", (), "version_conflict", "query member version"),
        ("/orders?version=1", ("Accept: a/b;v=2, a/b;v=3",), "version_conflict", "parameter v"),
        ("/orders", ("Accept-Version: latest",), "bad_request", "'latest' names no version"),
        ("/orders", ("Accept-Version: ",), "bad_request", "is empty"),
        ("/orders", ("Accept-Version: >=3 <2",), "bad_request", "names no version"),
        ("/orders?version=", (), "bad_request", "query member version"),
        ("/orders", ("Accept: a/b;v=one",), "bad_request", "parameter v of Accept"),
        ("/orders", ("Accept-Version: " + "9" * 300,), "bad_request", "names no version"),
        ("/orders", ("Accept: " + "a/b;v=1," * 99,), "bad_request", "at most 16"),
    ],
)
async def test_contradictions_and_what_is_no_version_are_told(
    start: Start, path: str, fields: tuple[str, ...], reason: str, words: str
) -> None:
    versions = await start()
    answer = await versions.configured.ask(path, *fields)
    assert answer.status == 400
    assert json.loads(answer.body)["reason"] == reason
    assert words in json.loads(answer.body)["detail"]
    assert len(json.loads(answer.body)["detail"]) < 300
    assert b"Accept-Version" in answer.values(b"vary")[0]


async def test_a_version_that_nobody_has_is_not_found_and_the_others_are_told(start: Start) -> None:
    versions = await start()
    answer = await versions.configured.ask("/orders", "Accept-Version: 7")
    assert answer.status == 404
    document = json.loads(answer.body)
    assert document["reason"] == "version_not_found"
    assert document["detail"] == (
        "order_service has no version 7; there is 3.0.0-rc.1, 2.0.1, 1.4.2"
    )


async def test_a_version_that_is_known_and_not_healthy_is_unavailable(start: Start) -> None:
    versions = await start()
    gateway = versions.configured.gateway
    path = "/services/order_service/instances/two/drain"
    assert (await gateway.admin("POST", path)).status == 204
    assert (await versions.ask("/orders", "Accept-Version: 2"))[0] == 503
    assert (await gateway.admin("DELETE", path.removesuffix("/drain"))).status in (200, 204)
    assert (await versions.ask("/orders", "Accept-Version: 2"))[0] == 404
    assert await versions.ask("/orders") == (200, "one")


async def test_what_is_unavailable_is_told_of_the_instances_of_that_version_alone(
    start: Start,
) -> None:
    versions = await start(FILE.replace('default: "1"', 'default: "7"'))
    answer = await versions.configured.ask("/orders")
    assert (answer.status, json.loads(answer.body)["detail"]) == (
        503,
        "no instance of order_service with version 7 is available now: none is registered",
    )
    gateway = versions.configured.gateway
    await gateway.admin("POST", "/services/order_service/instances/two/drain")
    answer = await versions.configured.ask("/orders", "Accept-Version: 2")
    assert (answer.status, json.loads(answer.body)["detail"]) == (
        503,
        "no instance of order_service with version 2 is available now: 1 draining",
    )


WITHOUT_DEFAULT = FILE.replace('default: "1"', "default: null")


async def test_without_a_default_a_request_gets_the_oldest_version_that_there_is(
    start: Start,
) -> None:
    versions = await start(WITHOUT_DEFAULT, {"two": "2.0.1", "old": "1.0.0", "new": "1.9.0"})
    answers = {(await versions.ask("/orders"))[1] for _ in range(20)}
    assert answers <= {"old", "new"}
    gateway = versions.configured.gateway
    for name in ("old", "new"):
        await gateway.admin("POST", f"/services/order_service/instances/{name}/drain")
    assert await versions.ask("/orders") == (200, "two")
    assert (await versions.ask("/orders", "Accept-Version: 1"))[0] == 503


async def test_instances_without_versions_answer_who_names_none(start: Start) -> None:
    versions = await start(WITHOUT_DEFAULT, {"some": None})
    assert await versions.ask("/orders") == (200, "some")
    assert await versions.ask("/orders", "Accept-Version: *") == (200, "some")
    answer = await versions.configured.ask("/orders", "Accept-Version: 1")
    assert answer.status == 404
    assert "its instances have no versions" in json.loads(answer.body)["detail"]


async def test_the_answer_says_its_version_and_what_it_varies_by(start: Start) -> None:
    versions = await start(FILE, THREE, "X-Served-Version: 9", "Vary: Origin")
    answer = await versions.configured.ask("/orders", "Accept-Version: 2")
    assert answer.values(b"x-served-version") == [b"2.0.1"]
    assert answer.values(b"vary") == [b"Origin", b"Accept-Version, Accept, Content-Type"]


async def test_an_instance_without_a_version_says_none(start: Start) -> None:
    versions = await start(WITHOUT_DEFAULT, {"none": None}, "X-Served-Version: 9")
    answer = await versions.configured.ask("/orders")
    assert answer.body == b"none"
    assert answer.values(b"x-served-version") == []


STRIPPED = """
    routes:
      - name: shop
        match: {prefix: /shop}
        service: order_service
        limits: null
        rewrite: {strip: /shop}
        versions: {from: [{path: strip}], default: "1"}
      - name: plain
        match: {prefix: /plain}
        service: order_service
        limits: null
        versions: {from: [{path: strip}], default: "1"}
    services:
      order_service:
        limits: null
        versions: {from: [{path: strip}], default: "1"}
"""


@pytest.mark.parametrize(
    ("path", "expected", "target"),
    [
        ("/shop/v2/a/b?x=1", "two", "/a/b?x=1"),
        ("/shop/v2", "two", "/"),
        ("/shop/a", "one", "/a"),
        ("/plain/v2/a", "two", "/plain/a"),
        ("/plain/v2", "two", "/plain"),
        ("/api/order_service/v2/a%2Fb?y", "two", "/a%2Fb?y"),
        ("/api/order_service/v2", "two", "/"),
        ("/api/order_service/a/v2", "one", "/a/v2"),
    ],
)
async def test_the_segment_that_names_the_version_may_be_taken_out(
    start: Start, path: str, expected: str, target: str
) -> None:
    versions = await start(STRIPPED)
    assert await versions.ask(path) == (200, expected)
    assert versions.services[expected].targets[-1] == target


async def test_a_null_switches_versions_off(start: Start) -> None:
    file = """
    defaults:
      limits: null
      versions: {default: "2"}
    routes:
      - {name: all, match: {prefix: /all}, service: order_service, versions: null}
      - {name: one, match: {prefix: /one}, service: order_service, versions: {default: "1"}}
      - {name: two, match: {prefix: /two}, service: order_service}
"""
    versions = await start(file, {"one": "1.0.0", "two": "2.0.0"})
    assert await versions.ask("/one") == (200, "one")
    assert await versions.ask("/two") == (200, "two")
    answers = [(await versions.ask("/all", "Accept-Version: 7"))[1] for _ in range(20)]
    assert {*answers} == {"one", "two"}
    answer = await versions.configured.ask("/all")
    assert answer.values(b"x-served-version") == []
