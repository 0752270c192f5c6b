"""The policies around a composition: of its route, and of the services of its parts."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.conftest import StartUpstream
from tests.http.configured.conftest import StartConfigured
from tests.http.test_command_line import lockgate
from tests.support.composing import SERVICES, Services, said
from tests.support.eventually import eventually
from tests.support.gateways import ADMIN_TOKEN
from tests.support.upstreams import Received

ROUTE = """
    routes:
      - name: page
        match: {prefix: /}
        RULES
        respond:
          compose:
            parts:
              user: {service: user_service, path: /user}
              slow: {service: order_service, path: /slow, optional: true}
"""


def file(rules: str = "", services: str = SERVICES) -> str:
    return services + ROUTE.replace("RULES", rules)


def services() -> Services:
    return Services({"/user": said('{"id": 1}'), "/slow": said("2")})


async def test_limits_count_a_composition_once(start_configured: StartConfigured) -> None:
    text = "limits: {two: {requests: 2, window: 60s}}\n" + file("limits: [two]").replace(
        "\n    ", "\n"
    )
    configured = await start_configured(text, services(), registers=False)
    assert await configured.statuses(3, "/") == [200, 200, 429]


async def test_allow_and_cors_hold(start_configured: StartConfigured) -> None:
    rules = 'cors: {origins: ["https://a.example"]}'
    configured = await start_configured(file(rules), services(), registers=False)
    answer = await configured.ask("/", "Origin: https://a.example")
    assert answer.values(b"access-control-allow-origin") == [b"https://a.example"]
    assert b"X-Partial" in b",".join(answer.values(b"access-control-expose-headers"))
    text = file('allow: {from: ["10.0.0.0/8"]}')
    configured.write(text.replace("PORT", str(configured.upstream.port)))
    await configured.gateway.admin("POST", "/config/reload")
    assert await configured.statuses(1, "/") == [403]


async def test_parts_get_who_called(start_configured: StartConfigured) -> None:
    text = "auth: {keys: {type: api_key}}\n" + file("auth: {any_of: [keys]}").replace(
        "\n    ", "\n"
    )
    asked = services()
    configured = await start_configured(text, asked, registers=False)
    assert await configured.statuses(1, "/") == [401]
    made = await configured.gateway.admin("POST", "/keys", json={"name": "app", "scopes": ["a:b"]})
    key = made.json()["key"]
    answer = await configured.ask("/", f"Authorization: Bearer {key}")
    assert answer.status == 200
    for sent in asked.asked:
        assert sent.values(b"x-auth-subject") == [b"app"]
        assert sent.values(b"x-auth-scopes") == [b"a:b"]
        assert sent.values(b"authorization") == []


async def test_a_part_is_repeated_as_its_service_says(start_configured: StartConfigured) -> None:
    fails = [said("{}", status=503)]
    asked = services()

    async def script(received: Received, writer: asyncio.StreamWriter) -> None:
        if received.target == b"/user" and fails:
            writer.write(fails.pop())
            await writer.drain()
        else:
            await asked(received, writer)

    repeats = "retries: {attempts: 2, on: [503], budget: 1}"
    text = SERVICES.replace(
        'user_service: {urls: ["http://127.0.0.1:PORT"]',
        "user_service: {" + repeats + ', urls: ["http://127.0.0.1:PORT", "http://localhost:PORT"]',
    )
    configured = await start_configured(file(services=text), script, registers=False)
    answer = await configured.ask("/")
    assert (answer.status, json.loads(answer.body)) == (200, {"user": {"id": 1}, "slow": 2})


async def test_the_service_of_a_part_may_be_busy(start_configured: StartConfigured) -> None:
    text = SERVICES.replace("order_service: {", "order_service: {concurrent: 1, ")
    asked = services()
    asked.gates["/slow"] = asyncio.Event()
    configured = await start_configured(file(services=text), asked, registers=False)
    first = asyncio.ensure_future(configured.ask("/"))
    await eventually(lambda: "/slow" in asked.targets)
    answer = await configured.ask("/")
    assert answer.values(b"x-partial") == [b"slow;reason=overloaded"]
    asked.gates["/slow"].set()
    assert json.loads((await first).body) == {"user": {"id": 1}, "slow": 2}


async def test_an_answer_of_a_part_may_be_kept(start_configured: StartConfigured) -> None:
    text = SERVICES.replace("user_service: {", "user_service: {cache: {default_ttl: 60s}, ")
    asked = services()
    configured = await start_configured(file(services=text), asked, registers=False)
    for _ in range(3):
        assert json.loads((await configured.ask("/")).body) == {"user": {"id": 1}, "slow": 2}
    assert asked.targets.count("/user") == 1
    assert asked.targets.count("/slow") == 3


async def test_what_is_kept_of_a_part_is_no_fresher_for_others(
    start_configured: StartConfigured,
) -> None:
    """Whoever keeps the whole must not begin to count again."""
    text = SERVICES.replace("user_service: {", "user_service: {cache: {}, ")
    asked = services()
    asked.answers["/user"] = said('{"id": 1}', "Cache-Control: max-age=90", "Age: 50")
    asked.answers["/slow"] = said("2", "Cache-Control: max-age=600")
    configured = await start_configured(file(services=text), asked, registers=False)
    for _ in range(2):
        (control,) = (await configured.ask("/")).values(b"cache-control")
        assert int(control.removeprefix(b"max-age=")) <= 40
    assert asked.targets.count("/user") == 1


@pytest.mark.parametrize("cost", ["{json: /user/cost}", "{response_header: X-Cost}"])
@pytest.mark.parametrize("pad", [0, 100_000])
async def test_limits_count_what_the_whole_answer_costs(
    start_configured: StartConfigured, cost: str, pad: int
) -> None:
    limit = f"limits: {{spent: {{budget: 10, window: 60s, cost: {cost}}}}}\n"
    text = limit + file("limits: [spent]").replace("\n    ", "\n")
    asked = services()
    asked.answers["/user"] = said(json.dumps({"cost": 6, "pad": "x" * pad}), "X-Cost: 6")
    text = text.replace("path: /user}", "path: /user, pass_headers: [X-Cost]}")
    configured = await start_configured(text, asked, registers=False)
    assert await configured.statuses(3, "/") == [200, 200, 429]


async def test_the_access_log_has_the_parts(
    start_configured: StartConfigured, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = services()
    asked.answers["/slow"] = said("nope", status=500)
    configured = await start_configured(file(), asked, registers=False)
    assert (await configured.ask("/")).status == 200
    (line,) = [line for line in capsys.readouterr().out.splitlines() if " request  " in line]
    assert "'part': 'user', 'upstream_service': 'user_service'" in line
    assert "'part': 'slow', 'upstream_service': 'order_service'" in line
    assert "'status': 500, 'reason': 'status', 'attempts': 1, 'duration_ms': " in line


async def test_metrics_count_what_becomes_of_parts(start_configured: StartConfigured) -> None:
    asked = services()
    configured = await start_configured(file("limits: null"), asked, registers=False)
    await configured.statuses(2, "/")
    asked.answers["/slow"] = said("nope")
    await configured.statuses(1, "/")
    told = (await configured.gateway.admin("GET", "/metrics")).body.decode().splitlines()
    assert [line for line in told if line.startswith("gateway_parts_")] == [
        'gateway_parts_total{part="user",reason="ok",route="page"} 3.0',
        'gateway_parts_total{part="slow",reason="ok",route="page"} 2.0',
        'gateway_parts_total{part="slow",reason="not_json",route="page"} 1.0',
        "gateway_parts_held_bytes 0.0",
    ]


async def test_routes_shows_the_parts(start_configured: StartConfigured) -> None:
    configured = await start_configured(file("limits: null"), services(), registers=False)
    told = (await configured.gateway.admin("GET", "/routes")).json()
    (route,) = told["routes"]
    assert route["order"][-1] == "compose"
    assert route["respond"] == {
        "status": 200,
        "compose": {
            "user": "GET /user of user_service within 5s",
            "slow": "GET /slow of order_service within 5s, optional",
        },
    }


async def test_the_command_shows_the_parts(
    start_configured: StartConfigured, tmp_path: Path
) -> None:
    configured = await start_configured(file("limits: null"), services(), registers=False)
    _, out, _ = await lockgate(
        tmp_path, "routes", "--url", configured.gateway.url, "--token", ADMIN_TOKEN
    )
    assert "page: /* → answer 200 of 2 parts" in out
    assert "    part slow: GET /slow of order_service within 5s, optional\n" in out
    assert "in: hygiene → route → compose\n" in out


async def test_the_rules_of_a_service_hold_for_the_parts_that_ask_it(
    start_configured: StartConfigured,
) -> None:
    rules = "user_service: {request: {headers: {set: {X-Seen: yes-it-is}, remove: [X-Debug]}}, "
    asked = services()
    configured = await start_configured(
        file(services=SERVICES.replace("user_service: {", rules)), asked, registers=False
    )
    assert (await configured.ask("/", "X-Debug: 1")).status == 200
    assert asked.of("/user").values(b"x-seen") == [b"yes-it-is"]
    assert asked.of("/user").values(b"x-debug") == []
    assert asked.of("/slow").values(b"x-seen") == []
    assert asked.of("/slow").values(b"x-debug") == [b"1"]


async def test_only_instances_of_a_parts_version_are_asked(
    start_configured: StartConfigured, start_upstream: StartUpstream
) -> None:
    text = """
        routes:
          - name: page
            match: {prefix: /}
            respond:
              compose:
                parts:
                  old: {service: price_service, version: "1", path: /}
                  new: {service: price_service, version: ">=2", path: /}
                  none: {service: price_service, version: "3", path: /, optional: true}
    """
    configured = await start_configured(text, said('"1.4"'))
    other = await start_upstream(said('"2.0"'))
    register = configured.gateway.register
    await register("price_service", configured.upstream.port, instance_id="a", version="1.4.0")
    await register("price_service", other.port, instance_id="b", version="2.0.0")
    for _ in range(5):
        answer = await configured.ask("/")
        assert answer.body == b'{"old":"1.4","new":"2.0"}'
        assert answer.values(b"x-partial") == [b"none;reason=no_healthy_instance"]
