"""What is remembered when the file is read again."""

from typing import Any

from tests.http.configured.conftest import Configured, StartConfigured
from tests.http.configured.test_what_survives import reload
from tests.support.caching import Numbered, purge
from tests.support.eventually import eventually
from tests.support.raw_clients import RawAnswer

FILE = """
cache: {{memory: {memory}}}
routes:
- {{name: shop, match: {{prefix: /}}, service: order_service, limits: null, cache: {cache}}}
"""


def text(memory: str = "4MiB", cache: str = "{}") -> str:
    return FILE.format(memory=memory, cache=cache)


async def asked(configured: Configured, *names: str) -> list[RawAnswer]:
    return [await configured.ask(f"/{name}") for name in names]


def are_hits(answers: list[RawAnswer]) -> list[bool]:
    return [b"hit" in answer.values(b"cache-status")[0] for answer in answers]


async def memory(configured: Configured) -> dict[str, Any]:
    answer = await configured.gateway.admin("GET", "/status")
    found: dict[str, Any] = answer.json()["cache"]
    return found


async def test_answers_stay(start_configured: StartConfigured) -> None:
    configured = await start_configured(text(), Numbered())
    await asked(configured, "one", "two")
    await reload(configured, text(cache="{stale_if_error: 1h}"))
    assert are_hits(await asked(configured, "one", "two", "three")) == [True, True, False]


async def test_a_smaller_bound_holds_at_once_and_a_larger_one_takes_more(
    start_configured: StartConfigured,
) -> None:
    pad = {b"X-Pad": b"x" * 7000}
    configured = await start_configured(text(), Numbered(pad))
    names = [str(number) for number in range(150)]
    await asked(configured, *names)
    before = await memory(configured)
    await reload(configured, text(memory="1MiB"))
    smaller = await memory(configured)
    assert smaller["max_bytes"] == 1024 * 1024
    assert smaller["bytes"] <= 1024 * 1024 < before["bytes"]
    assert 0 < smaller["entries"] < before["entries"]
    await reload(configured, text(memory="8MiB"))
    await asked(configured, *names)
    assert (await memory(configured))["entries"] == len(names)


async def test_where_no_route_has_a_cache_any_longer_its_memory_is_free(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(text(), Numbered())
    await asked(configured, "one")
    await reload(configured, text(cache="null"))
    assert (await memory(configured))["entries"] == 0


async def test_the_registry_is_not_asked_for_purges_where_no_route_has_a_cache_any_longer(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(text(), Numbered())
    remembering = configured.gateway.gateway.remembering
    assert remembering is not None
    purging = remembering.purging
    await eventually(lambda: purging.is_current)
    await reload(configured, text(cache="null"))
    await eventually(lambda: not purging.is_current)
    rounds = purging.rounds
    await purge(configured.gateway, url="/one")
    assert purging.rounds == rounds
    await reload(configured, text())
    await eventually(lambda: purging.is_current)
    assert purging.rounds > rounds
    await asked(configured, "one")
    assert are_hits(await asked(configured, "one")) == [True]
