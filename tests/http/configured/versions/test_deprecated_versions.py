"""Clients of deprecated versions are told so, refused after the end, and counted."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.conftest import StartGateway, StartUpstream
from tests.http.configured.conftest import StartConfigured
from tests.http.test_command_line import lockgate
from tests.support.gateways import ADMIN_TOKEN
from tests.support.versions import Versions, start_versions

FILE = """
    routes:
      - name: orders
        match: {prefix: /orders}
        service: order_service
        limits: null
        versions:
          default: "2"
          gone_after_sunset: true
          deprecated:
            "0": {since: 2020-01-01, sunset: 2020-02-01, link: /docs/0}
            "1":
              since: 2026-01-01
              sunset: 2999-12-31T12:00:00+01:00
              link: {successor: "https://api.example/v2", deprecation: "https://docs.example/v1"}
"""
THREE = {"zero": "0.9.0", "one": "1.4.2", "two": "2.0.0"}
DEPRECATED = {
    b"deprecation": [b"@1767225600"],
    b"sunset": [b"Tue, 31 Dec 2999 11:00:00 GMT"],
    b"link": [
        b'<https://api.example/v2>; rel="successor-version"',
        b'<https://docs.example/v1>; rel="deprecation"',
    ],
}


Start = Callable[..., Awaitable[Versions]]


@pytest.fixture
def start(start_configured: StartConfigured, start_upstream: StartUpstream) -> Start:
    async def start(*fields: str, file: str = FILE) -> Versions:
        return await start_versions(start_configured, start_upstream, file, THREE, *fields)

    return start


async def test_answers_of_a_deprecated_version_say_so(start: Start) -> None:
    versions = await start('Link: </a>; rel="next"', "Sunset: never")
    answer = await versions.configured.ask("/orders", "Accept-Version: 1")
    assert answer.status == 200
    for name, values in DEPRECATED.items():
        expected = [b'</a>; rel="next"', *values] if name == b"link" else values
        assert answer.values(name) == expected, name
    other = await versions.configured.ask("/orders")
    assert other.values(b"deprecation") == []
    assert other.values(b"sunset") == [b"never"]


async def test_errors_to_a_request_for_a_deprecated_version_say_so_too(start: Start) -> None:
    versions = await start()
    path = "/services/order_service/instances/one/drain"
    await versions.configured.gateway.admin("POST", path)
    answer = await versions.configured.ask("/orders", "Accept-Version: 1.4")
    assert answer.status == 503
    for name, values in DEPRECATED.items():
        assert answer.values(name) == values, name
    assert answer.values(b"vary") == [b"Accept-Version"]


async def test_after_its_sunset_a_version_is_gone(start: Start) -> None:
    versions = await start()
    answer = await versions.configured.ask("/orders", "Accept-Version: 0.9")
    assert answer.status == 410
    document = json.loads(answer.body)
    assert document["reason"] == "version_gone"
    assert "since 2020-02-01; there is 2.0.0, 1.4.2" in document["detail"]
    assert answer.values(b"deprecation") == [b"@1577836800"]
    assert answer.values(b"link") == [b'</docs/0>; rel="successor-version"']
    assert versions.services["zero"].targets == []
    # A range that has others too goes to these.
    assert await versions.ask("/orders", "Accept-Version: <2") == (200, "one")


async def test_a_route_that_nobody_has_called_is_shown(start: Start, tmp_path: Path) -> None:
    file = FILE[: FILE.index("          gone_after")].replace("orders", "quiet")
    versions = await start(file=file)
    at = ("--url", versions.configured.gateway.url, "--token", ADMIN_TOKEN)
    _, out, _ = await lockgate(tmp_path, "versions", *at)
    assert "no route" not in out
    assert ["quiet", "-", "-", "0", "0", "-", "-", "-"] in [
        line.split() for line in out.splitlines()
    ]


async def test_who_still_calls_is_shown(start: Start, tmp_path: Path) -> None:
    versions = await start()
    for agent in ("curl/8.5", "curl/7", "shop-app/1 (x)"):
        await versions.ask("/orders", "Accept-Version: 1", f"User-Agent: {agent}")
    await versions.ask("/orders")
    await versions.ask("/orders", "Accept-Version: 0", "User-Agent: old")
    gateway = versions.configured.gateway
    document = (await gateway.admin("GET", "/versions")).json()
    assert document["services"] == [
        {
            "service": "order_service",
            "versions": [
                {"version": version, "instances": 1, "healthy": 1}
                for version in ("2.0.0", "1.4.2", "0.9.0")
            ],
        }
    ]
    (route,) = document["routes"]
    assert route["route"] == "orders"
    zero, one, two = route["versions"]
    assert [one["version"] for one in (zero, one, two)] == ["0", "1", "2"]
    assert (zero["requests"], zero["refused"], zero["deprecated"]["gone"]) == (1, 1, True)
    assert (one["requests"], one["refused"], one["deprecated"]["gone"]) == (3, 0, False)
    assert one["deprecated"]["sunset"] == "2999-12-31T11:00:00Z"
    assert [(who["by"], who["name"], who["requests"]) for who in one["callers"]] == [
        ("agent", "curl", 2),
        ("agent", "shop-app", 1),
    ]
    assert (two["requests"], two["deprecated"]) == (1, None)
    metrics = (await gateway.admin("GET", "/metrics")).body.decode()
    assert 'gateway_deprecated_requests_total{route="orders",version="1"} 3.0' in metrics
    assert 'gateway_deprecated_requests_total{route="orders",version="0"} 1.0' in metrics

    at = ("--url", gateway.url, "--token", ADMIN_TOKEN)
    status, out, error = await lockgate(tmp_path, "versions", *at)
    assert (status, error) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert ["order_service", "2.0.0", "1", "1"] in lines
    assert any(line[:6] == ["orders", "0", "gone", "1", "1", "agent"] for line in lines)
    assert any("curl" in line and "2" in line for line in lines)
    status, out, _ = await lockgate(tmp_path, "versions", "--json", *at)
    assert (status, json.loads(out)["routes"][0]["route"]) == (0, "orders")


async def test_the_versions_need_the_token_and_a_file(start: Start) -> None:
    versions = await start()
    gateway = versions.configured.gateway
    assert (await gateway.get("/versions")).status == 401
    head = await gateway.admin("HEAD", "/versions")
    assert (head.status, head.body) == (200, b"")


async def test_without_a_file_there_are_no_versions(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    answer = await gateway.admin("GET", "/versions")
    assert (answer.status, answer.json()["reason"]) == (404, "no_configuration")


async def test_a_subject_is_counted_by_its_name(start: Start, tmp_path: Path) -> None:
    users = tmp_path / "users"
    # bcrypt of `secret`
    import bcrypt

    users.write_text("ann:" + bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode() + "\n")
    users.chmod(0o600)
    file = (
        FILE
        + f"""
    auth: {{ops: {{type: basic, users_file: {users}}}}}
    defaults: {{auth: {{any_of: [ops]}}}}
"""
    )
    versions = await start(file=file)
    asked = await versions.ask(
        "/orders", "Accept-Version: 1", "Authorization: Basic YW5uOnNlY3JldA==", "User-Agent: x"
    )
    assert asked == (200, "one")
    document = (await versions.configured.gateway.admin("GET", "/versions")).json()
    (caller,) = document["routes"][0]["versions"][1]["callers"]
    assert (caller["by"], caller["name"]) == ("subject", "ann")
