"""`lockgate diff FILE` says what a file would change, and which of the last requests would go elsewhere."""

import json
from io import BytesIO
from pathlib import Path
from textwrap import dedent

from gateway.config.file.bounds import MAX_BYTES
from tests.conftest import StartGateway
from tests.http.configured.conftest import Configured, StartConfigured
from tests.http.test_command_line import lockgate
from tests.support.gateways import ADMIN_TOKEN

IN_FORCE = """
    routes:
      - {name: orders, match: {path: "/orders/{id}"}, service: order_service}
      - {name: shop, match: {prefix: /shop}, respond: {body: shop}}
"""
OTHER = """
    routes:
      - {name: gold, match: {path: "/orders/{id}", headers: {X-Plan: gold}}, respond: {body: gold}}
      - {name: orders, match: {path: "/orders/{id}"}, service: order_service}
      - {name: files, match: {prefix: /files}, respond: {body: files}, paths: as_is}
"""


def at(configured: Configured) -> list[str]:
    return ["--url", configured.gateway.url, "--token", ADMIN_TOKEN]


async def test_the_differences_and_the_requests_that_would_go_elsewhere_are_told(
    start_configured: StartConfigured, tmp_path: Path
) -> None:
    configured = await start_configured(IN_FORCE)
    for number in range(3):
        await configured.ask(f"/orders/{number}?token=secret", "X-Plan: silver")
    await configured.ask("/orders/9")
    await configured.ask("/api/order/x")
    for path in ("/shop/cart", "/shop", "/files/a%2Fb", "/other"):
        await configured.ask(path)
    (tmp_path / "other.yaml").write_text(dedent(OTHER))

    status, out, error = await lockgate(tmp_path, "diff", "other.yaml", *at(configured))
    _, document, _ = await lockgate(tmp_path, "diff", "other.yaml", "--json", *at(configured))

    assert (status, error) == (0, "")
    assert out.splitlines() == [
        "route gold: added",
        "route files: added",
        "route shop: removed",
        "",
        "3 of 9 requests: GET a.example /orders/{…}: orders → perhaps gold, else orders",
        "2 of 9 requests: GET a.example /shop/…: shop → 404",
        "1 of 9 requests: GET a.example /files/…: 404 → files",
    ]
    told = json.loads(document)
    assert told["file"] == str(configured.file)
    assert told["requests"]["looked_at"] == 9
    assert told["requests"]["moved"][1] == {
        "requests": 2,
        "method": "GET",
        "host": "a.example",
        "path": "/shop/…",
        "before": "shop",
        "after": "404",
        "is_certain": True,
    }
    # Nothing has changed.
    assert (await configured.ask("/shop")).body == b"shop"


async def test_the_file_in_force_differs_in_nothing(
    start_configured: StartConfigured, tmp_path: Path
) -> None:
    configured = await start_configured(IN_FORCE)
    await configured.ask("/shop")
    assert await lockgate(tmp_path, "diff", str(configured.file), *at(configured)) == (
        0,
        "nothing is different\n\n0 of 1 requests would go elsewhere\n",
        "",
    )


async def test_mistakes_are_told_under_the_files_name(
    start_configured: StartConfigured, tmp_path: Path
) -> None:
    configured = await start_configured(IN_FORCE)
    (tmp_path / "wrong ä.yaml").write_text("routez: []\n")
    status, out, error = await lockgate(tmp_path, "diff", "wrong ä.yaml", *at(configured))
    assert (status, out) == (1, "")
    assert error.startswith("wrong ä.yaml:1:1: routez: unknown key")


async def test_without_a_file_in_force_it_is_compared_with_nothing(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    gateway = await start_gateway()
    (tmp_path / "a.yaml").write_text(dedent(IN_FORCE))
    here = ["--url", gateway.url, "--token", ADMIN_TOKEN]
    status, out, _ = await lockgate(tmp_path, "diff", "a.yaml", *here)
    assert status == 0
    assert out.splitlines()[:2] == ["route orders: added", "route shop: added"]
    assert "No file is in force" in out


async def test_as_many_requests_are_kept_as_the_setting_says(
    start_configured: StartConfigured,
) -> None:
    for number, kept in (("2", 2), ("0", 0)):
        configured = await start_configured(IN_FORCE, registers=False, RECENT_REQUESTS=number)
        for _ in range(3):
            await configured.ask("/shop")
        answer = await configured.gateway.admin("POST", "/config/diff", data=b"routes: []")
        assert answer.json()["requests"]["looked_at"] == kept


async def test_only_the_operator_compares_and_a_file_has_its_largest_size(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(IN_FORCE)
    gateway = configured.gateway
    assert (await gateway.request("POST", "/config/diff", data=b"routes: []")).status == 401
    too_large = await gateway.admin("POST", "/config/diff", data=BytesIO(b" " * (MAX_BYTES + 1)))
    assert (too_large.status, too_large.reason) == (413, "body_too_large")
    wrong = await gateway.admin("POST", "/config/diff", data=b"routez: []")
    assert (wrong.status, wrong.reason) == (422, "config_rejected")
    assert wrong.json()["mistakes"][0].startswith("<body>:1:1: routez: ")
