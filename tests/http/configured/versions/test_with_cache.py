"""What is kept of one version is never served to who asks for another."""

from collections.abc import Awaitable, Callable

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
        cache: {default_ttl: 60s}
        versions:
          from: [{header: Accept-Version}, {media_type: v}, {query: v}]
          default: "1"
          deprecated: {"1": {since: 2026-01-01}}
"""
Start = Callable[..., Awaitable[Versions]]


@pytest.fixture
def start(start_configured: StartConfigured, start_upstream: StartUpstream) -> Start:
    async def start(file: str = FILE, *fields: str) -> Versions:
        two = {"one": "1.4.2", "two": "2.0.0"}
        return await start_versions(start_configured, start_upstream, file, two, *fields)

    return start


@pytest.mark.parametrize("name", ["Accept-Version: {}", "Accept: a/b;v={}"])
async def test_each_version_is_kept_apart(start: Start, name: str) -> None:
    versions = await start()
    for _ in range(3):
        for number, who, served in (("1", b"one", b"1.4.2"), ("2", b"two", b"2.0.0")):
            answer = await versions.configured.ask("/orders", name.format(number))
            assert (answer.status, answer.body) == (200, who)
            # The version that made what is kept, and what the route says of it now.
            assert answer.values(b"x-served-version") == [served]
            assert answer.values(b"deprecation") == ([b"@1767225600"] if number == "1" else [])
            assert b"Accept-Version" in answer.values(b"vary")[0]
    assert [len(one.targets) for one in versions.services.values()] == [1, 1]


async def test_who_names_no_version_shares_what_is_kept_of_the_default(start: Start) -> None:
    versions = await start()
    for fields in ((), ("Accept-Version: 1",), ()):
        answer = await versions.configured.ask("/orders", *fields)
        assert answer.body == b"one"
    assert answer.values(b"cache-status")[0].startswith(b"lockgate; hit")


async def test_the_same_url_has_a_version_in_no_key_but_its_own(start: Start) -> None:
    """A range that differs from another in its text alone is kept apart, and never wrong."""
    versions = await start()
    for asked, who in (("^1", b"one"), ("1.4", b"one"), (">=2", b"two"), ("1 || 7", b"one")):
        for _ in range(2):
            answer = await versions.configured.ask("/orders", f"Accept-Version: {asked}")
            assert answer.body == who


async def test_who_calls_is_counted_for_kept_answers_too(start: Start) -> None:
    versions = await start()
    for _ in range(5):
        await versions.ask("/orders", "User-Agent: curl/8")
    document = (await versions.configured.gateway.admin("GET", "/versions")).json()
    (one,) = document["routes"][0]["versions"]
    assert (one["version"], one["requests"], one["callers"][0]["requests"]) == ("1", 5, 5)


async def test_a_stale_answer_is_served_only_for_its_version(start: Start) -> None:
    file = FILE.replace("{default_ttl: 60s}", "{stale_if_error: 1h}")
    versions = await start(file, "Cache-Control: max-age=1", "Age: 1")
    ask = versions.configured.ask
    assert (await ask("/orders", "Accept-Version: 1")).body == b"one"
    for name in ("one", "two"):
        await versions.configured.gateway.admin(
            "POST", f"/services/order_service/instances/{name}/drain"
        )
    stale = await ask("/orders", "Accept-Version: 1")
    assert (stale.status, stale.values(b"x-served-version")) == (200, [b"1.4.2"])
    assert (await ask("/orders", "Accept-Version: 2")).status == 503
