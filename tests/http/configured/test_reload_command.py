"""`lockgate reload` puts the changed file in force, or says all that is wrong with it."""

import json
import re
from pathlib import Path

from tests.conftest import StartGateway, StartUpstream
from tests.http.configured.conftest import Configured, StartConfigured
from tests.http.test_command_line import lockgate
from tests.support.gateways import ADMIN_TOKEN

FILE = "routes: [{name: a, match: {prefix: /a}, respond: {body: a}}]"
WRONG = "routez: []\nlimits: {default: {requests: 0, window: 1m}}\n"


def at(configured: Configured) -> list[str]:
    return ["--url", configured.gateway.url, "--token", ADMIN_TOKEN]


async def test_what_is_different_is_printed_a_line_each(
    start_upstream: StartUpstream, tmp_path: Path
) -> None:
    """The answer is a given one: the gateway itself may see the change before the command asks."""
    answer = b'{"result": "changed", "differences": ["route a: removed", "route b: added"]}'
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(answer)}\r\n\r\n"
    gateway = await start_upstream(head.encode() + answer)
    here = ["--url", f"http://127.0.0.1:{gateway.port}", "--token", "t" * 16]

    assert await lockgate(tmp_path, "reload", *here) == (
        0,
        "route a: removed\nroute b: added\n",
        "",
    )
    assert gateway.requests[0].request_line == b"POST /config/reload HTTP/1.1"
    _, document, _ = await lockgate(tmp_path, "reload", "--json", *here)
    assert json.loads(document) == json.loads(answer) | {"mistakes": []}


async def test_a_changed_file_is_in_force_when_the_command_ends(
    start_configured: StartConfigured, tmp_path: Path
) -> None:
    configured = await start_configured(FILE)
    status, out, error = await lockgate(tmp_path, "reload", *at(configured))
    assert (status, error) == (0, "")
    assert re.fullmatch(r"nothing is different: this configuration is in force since 20\S+Z\n", out)
    configured.write(FILE.replace("/a", "/b"))
    status, out, error = await lockgate(tmp_path, "reload", *at(configured))
    assert (status, error, len(out.splitlines())) == (0, "", 1)
    assert (await configured.ask("/b")).body == b"a"


async def test_all_mistakes_are_told_and_nothing_changes(
    start_configured: StartConfigured, tmp_path: Path
) -> None:
    configured = await start_configured(FILE)
    configured.write(WRONG)

    status, out, error = await lockgate(tmp_path, "reload", *at(configured))
    as_json, document, nothing = await lockgate(tmp_path, "reload", "--json", *at(configured))

    assert (status, out) == (1, "")
    first, second = error.splitlines()
    assert first.startswith(f"{configured.file}:1:1: ")
    assert "routes" in first
    assert second.startswith(f"{configured.file}:2:")
    assert (as_json, nothing) == (1, "")
    assert json.loads(document) == {
        "result": "rejected",
        "differences": [],
        "mistakes": [first, second],
    }
    assert (await configured.ask("/a")).body == b"a"


async def test_a_gateway_without_a_file_says_so(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    gateway = await start_gateway()
    here = ["--url", gateway.url, "--token", ADMIN_TOKEN]
    status, out, error = await lockgate(tmp_path, "reload", *here)
    assert (status, out) == (1, "")
    assert "GATEWAY_CONFIG names none" in error


async def test_a_missing_token_is_told(start_configured: StartConfigured, tmp_path: Path) -> None:
    configured = await start_configured(FILE)
    status, _, error = await lockgate(tmp_path, "reload", "--url", configured.gateway.url)
    assert (status, "--token or ADMIN_TOKEN" in error) == (1, True)
