"""A changed file is put in force while traffic flows; one with a mistake changes nothing."""

import asyncio

from tests.http.configured.conftest import StartConfigured
from tests.support.eventually import eventually
from tests.support.upstreams import OK, Received

ONE = "routes: [{name: a, match: {prefix: /a}, service: order_service}]"
TWO = """
    routes:
      - {name: a, match: {prefix: /a}, service: order_service, timeouts: {head: 5s}}
      - {name: b, match: {prefix: /b}, respond: {body: here}}
"""


async def test_a_reload_says_what_is_different(start_configured: StartConfigured) -> None:
    configured = await start_configured(ONE)
    configured.write(TWO)
    answer = await configured.gateway.admin("POST", "/config/reload")
    assert answer.status == 200
    document = answer.json()
    # Whoever is first: this call, or the watch of the file.
    if document["result"] == "changed":
        assert document["differences"] == [
            'route a: timeouts: left out → {"head": "5s"}',
            "route b: added",
        ]
    assert (await configured.ask("/b")).body == b"here"


async def test_a_changed_file_is_seen(start_configured: StartConfigured) -> None:
    configured = await start_configured(ONE)
    assert (await configured.ask("/b")).status == 404
    configured.write(TWO)

    routing = configured.gateway.gateway.routing
    await eventually(lambda: routing.revision == 1)
    assert (await configured.ask("/b")).status == 200


async def test_a_file_with_mistakes_is_refused_whole(start_configured: StartConfigured) -> None:
    configured = await start_configured(ONE)
    gateway = configured.gateway
    configured.write(TWO + "    limitz: {}\n")
    answer = await gateway.admin("POST", "/config/reload")
    assert (answer.status, answer.reason) == (422, "config_rejected")
    (mistake,) = answer.json()["mistakes"]
    assert mistake.startswith(f"{configured.file}:")
    assert "limits" in mistake
    assert (await configured.ask("/b")).status == 404
    status = (await gateway.admin("GET", "/status")).json()["config"]
    assert (status["current"], status["mistakes"]) == (False, [mistake])
    assert b"lockgate_config_last_reload_successful 0.0" in (await gateway.get("/metrics")).body

    configured.write(TWO)
    assert (await gateway.admin("POST", "/config/reload")).status == 200
    assert (await configured.ask("/b")).status == 200
    assert b"lockgate_config_last_reload_successful 1.0" in (await gateway.get("/metrics")).body


async def test_only_the_operator_reloads(start_configured: StartConfigured) -> None:
    configured = await start_configured(ONE)
    assert (await configured.gateway.request("POST", "/config/reload")).status == 401


async def test_a_request_under_way_keeps_its_route(start_configured: StartConfigured) -> None:
    asked, answers = asyncio.Event(), asyncio.Event()

    async def when_told(_received: Received, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await answers.wait()
        writer.write(OK)

    configured = await start_configured(ONE, when_told)
    under_way = asyncio.create_task(configured.ask("/a"))
    await asked.wait()
    configured.write("routes: []")
    assert (await configured.gateway.admin("POST", "/config/reload")).status == 200
    assert (await configured.ask("/a")).status == 404
    answers.set()
    assert (await under_way).status == 200


async def test_a_reload_leaves_connections_and_health_alone(
    start_configured: StartConfigured,
) -> None:
    text = """
        services: {legacy: {urls: ["http://127.0.0.1:PORT"], health: {path: /health}}}
        routes: [{name: a, match: {prefix: /a}, service: legacy}]
    """
    configured = await start_configured(text)
    await eventually(lambda: configured.gateway.member.health.revision > 0)
    assert (await configured.ask("/a")).status == 200
    answered = len(configured.upstream.requests)
    renamed = text.replace("legacy", "renamed").replace("PORT", str(configured.upstream.port))
    for written in (renamed, renamed.replace("renamed", "legacy")) * 3:
        configured.write(written)
        assert (await configured.gateway.admin("POST", "/config/reload")).status == 200
        assert (await configured.ask("/a")).status == 200
    assert len(configured.upstream.requests) - answered == 6
