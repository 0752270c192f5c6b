"""systemd accepts the units of docs/deployment.md."""

import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.support.documents import Block, blocks

UNITS = blocks("docs/deployment.md", "ini")
#: The gateway may take this long to stop, by TUNNEL_GRACE.
TUNNEL_GRACE_S = 300


def parsed(unit: Block) -> ConfigParser:
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment]
    parser.read_string(unit.text)
    return parser


def test_there_are_a_unit_of_the_gateway_and_one_of_a_service() -> None:
    commands = [parsed(unit)["Service"]["ExecStart"] for unit in UNITS]
    gateway, service = (command.split()[:2] for command in commands)
    assert gateway == ["/opt/lockgate/bin/lockgate", "serve"]
    assert service == ["/opt/lockgate/bin/lockgate", "register"]


def test_the_gateway_has_the_time_to_end_its_tunnels() -> None:
    assert float(parsed(UNITS[0])["Service"]["TimeoutStopSec"]) > TUNNEL_GRACE_S


@pytest.mark.parametrize("unit", UNITS, ids=["gateway", "service"])
def test_systemd_finds_nothing_wrong(unit: Block, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here")
    program = tmp_path / "lockgate"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    path = tmp_path / "lockgate.service"
    path.write_text(unit.text.replace("/opt/lockgate/bin/lockgate", str(program)))

    verified = subprocess.run(
        ["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False
    )

    ours = [line for line in verified.stderr.splitlines() if line.startswith(str(path))]
    assert ours == []
