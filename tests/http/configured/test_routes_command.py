"""`lockgate routes` shows the table in force, or that of a file."""

import json
from pathlib import Path

import pytest

from tests.http.configured.conftest import Configured, StartConfigured
from tests.http.test_command_line import lockgate
from tests.support.gateways import ADMIN_TOKEN

FILE = """
    defaults: {timeouts: {head: 9s}}
    routes:
      - {name: nobody, match: {prefix: /nobody}, service: no_such_service}
      - {name: orders, match: {host: shop.example, path: "/orders/{id}"}, service: order_service}
"""


def at(configured: Configured) -> list[str]:
    return ["--url", configured.gateway.url, "--token", ADMIN_TOKEN]


async def test_the_table_in_force_is_shown_in_its_order_with_the_discovered_routes(
    start_configured: StartConfigured, tmp_path: Path
) -> None:
    configured = await start_configured(FILE, UPSTREAM_IDLE_TIMEOUT="7")

    status, out, error = await lockgate(tmp_path, "routes", *at(configured))
    _, document, _ = await lockgate(tmp_path, "routes", "--json", *at(configured))

    assert (status, error) == (0, "")
    first, second, third = (
        "orders: shop.example/orders/{id} → order_service (1 of 1 instances usable)",
        "nobody: /nobody/* → no_such_service (unknown service: answers 503)",
        "/api/order: /api/order/* → order_service, rewrite strip /api/order (1 of 1 instances usable)",
    )
    lines = out.splitlines()
    assert lines.index(first) < lines.index(second) < lines.index(third)
    assert "    timeouts.head     9 s       defaults" in lines
    assert "    timeouts.idle     7 s       environment UPSTREAM_IDLE_TIMEOUT" in lines
    told = json.loads(document)
    assert told["file"] == str(configured.file)
    assert [route["route"] for route in told["routes"]] == ["orders", "nobody"]
    assert [route["route"] for route in told["discovered"]] == ["/api/order"]


async def test_a_service_without_a_usable_instance_is_told(
    start_configured: StartConfigured, tmp_path: Path
) -> None:
    configured = await start_configured(FILE)
    await configured.gateway.admin("POST", "/services/order_service/instances/i1/drain")
    _, out, _ = await lockgate(tmp_path, "routes", *at(configured))
    assert "→ order_service (no usable instance of 1: answers 503)" in out


async def test_the_table_is_shown_to_the_operator_alone(
    start_configured: StartConfigured, tmp_path: Path
) -> None:
    configured = await start_configured(FILE)
    status, out, error = await lockgate(tmp_path, "routes", "--url", configured.gateway.url)
    assert (status, out) == (1, "")
    assert "--token or ADMIN_TOKEN" in error
    assert (await configured.gateway.get("/routes")).status == 401


async def test_a_file_that_is_not_in_force_is_shown_without_a_gateway(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(FILE.replace("\n    ", "\n"))

    status, out, error = await lockgate(
        tmp_path, "routes", "--file", "a.yaml", variables={"UPSTREAM_IDLE_TIMEOUT": "7"}
    )

    assert (status, error) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "Routes of a.yaml, in the order in which they are tried"
    assert lines.index("orders: shop.example/orders/{id} → order_service") < lines.index(
        "nobody: /nobody/* → no_such_service"
    )
    assert "    timeouts.idle     7 s                    environment UPSTREAM_IDLE_TIMEOUT" in lines


async def test_a_file_with_every_key_is_shown(tmp_path: Path) -> None:
    """A list of names and numbers, such as what is repeated, ended in a traceback."""
    example = Path(__file__).parents[3] / "docs/examples/lockgate.yaml"
    status, out, error = await lockgate(tmp_path, "routes", "--file", str(example))
    assert (status, error) == (0, "")
    for route in ("orders: GET, HEAD shop.example.com/orders/{id}", "home: /*", "files: /files/*"):
        assert f"\n{route}" in out


@pytest.mark.parametrize(
    ("text", "variables", "expected", "said"),
    [
        ("routez: []", {}, 1, "a.yaml:1:1: routez: unknown key"),
        ("routes: []", {"UPSTREAM_TIMEOUT": "x"}, 2, "UPSTREAM_TIMEOUT"),
    ],
)
async def test_what_is_wrong_with_a_file_or_a_variable_is_told(
    tmp_path: Path, text: str, variables: dict[str, str], expected: int, said: str
) -> None:
    (tmp_path / "a.yaml").write_text(text)
    status, out, error = await lockgate(tmp_path, "routes", "--file", "a.yaml", variables=variables)
    assert (status, out) == (expected, "")
    assert said in error
