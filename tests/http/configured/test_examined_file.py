"""`lockgate doctor` names the configuration file, and says whether it is in force."""

import asyncio
from pathlib import Path

from gateway.cli.examining.configuration import configuration_file
from gateway.cli.examining.findings import Finding
from gateway.cli.gateway_client import GatewayClient
from tests.conftest import StartGateway
from tests.http.configured.conftest import StartConfigured
from tests.support.gateways import RunningGateway

FILE = "routes: [{name: a, match: {}, respond: {body: a}}]"


async def found(file: Path, gateway: RunningGateway) -> Finding:
    client = GatewayClient(gateway.url, None, direct=True)
    (one,) = await asyncio.to_thread(lambda: list(configuration_file(str(file), client)))
    return one


async def test_a_file_in_force_is_named_with_its_time(start_configured: StartConfigured) -> None:
    configured = await start_configured(FILE)
    one = await found(configured.file, configured.gateway)
    assert one.state == "ok"
    assert one.detail.startswith(
        f"{configured.file}: 1 route, 0 services, 0 limits, in force since 20"
    )


async def test_a_file_that_the_gateway_has_refused_is_told(
    start_configured: StartConfigured,
) -> None:
    """The file was mended, and the gateway has not read it again yet."""
    configured = await start_configured(FILE)
    configured.write("routez: []")
    assert (await configured.gateway.admin("POST", "/config/reload")).status == 422
    other = configured.file.with_name("mended.yaml")
    other.write_text(FILE)
    one = await found(other, configured.gateway)
    assert (one.state, "has refused it, and works by that of 20" in one.detail) == ("failed", True)
    assert "lockgate reload" in one.advice


async def test_a_gateway_without_a_file_is_told(
    start_gateway: StartGateway, tmp_path: Path
) -> None:
    (tmp_path / "a.yaml").write_text(FILE)
    one = await found(tmp_path / "a.yaml", await start_gateway())
    assert one.detail.endswith(", not in force")


def test_mistakes_are_told_with_the_command_that_lists_them(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("routez: []\nlimitz: {}\n")
    (one,) = configuration_file(str(file))
    assert one.state == "failed"
    assert one.detail.startswith(f"{file}:1:1: routez: unknown key")
    assert one.detail.endswith(", and 1 more")
    assert f"lockgate check-config {file}" in one.advice


def test_a_file_that_is_not_there_is_told_and_none_is_not(tmp_path: Path) -> None:
    (one,) = configuration_file(str(tmp_path / "no.yaml"))
    assert (one.state, "can't be read" in one.detail) == ("failed", True)
    assert list(configuration_file("")) == []
