"""The units of deploy/systemd: systemd accepts them, they are shut off, and they agree with the gateway."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.config.settings import GatewaySettings
from gateway.master.worker import READY_WITHIN_S
from gateway.process.passed_sockets import ADMIN, PUBLIC
from gateway.process.start import EXIT_USAGE
from tests.support.containers import ROOT
from tests.support.documents import blocks

FOLDER = ROOT / "deploy/systemd"
UNITS = sorted(path.name for path in FOLDER.iterdir())
SERVICES = [name for name in UNITS if name.endswith(".service")]
#: Of 10: what systemd itself calls "OK" ends at 5. Tenths, as `--threshold` takes them.
MOST_EXPOSED = 20


def values(name: str, key: str) -> list[str]:
    """The values of a key in a unit, in order."""
    return re.findall(rf"^{key}=(.*)$", (FOLDER / name).read_text(), flags=re.MULTILINE)


def one(name: str, key: str) -> str:
    (value,) = values(name, key)
    return value


@pytest.fixture
def analyzer() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("no systemd-analyze here")
    return found


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units in a folder, with programs that are there."""
    for name in UNITS:
        text = (FOLDER / name).read_text()
        text = re.sub(r"/opt/(lockgate|orders)/\S+", "/bin/true", text)
        (tmp_path / name.replace("@.", "@9000.")).write_text(text)
    return tmp_path


def test_systemd_finds_nothing_wrong(analyzer: str, installed: Path) -> None:
    paths = sorted(map(str, installed.iterdir()))
    verified = subprocess.run(
        [analyzer, "verify", "--man=no", *paths], capture_output=True, text=True, check=False
    )
    assert [line for line in verified.stderr.splitlines() if str(installed) in line] == []


def test_systemd_would_find_a_wrong_line(analyzer: str, installed: Path) -> None:
    unit = installed / "lockgate.service"
    unit.write_text(unit.read_text().replace("KillMode=mixed", "KillMode=both"))
    verified = subprocess.run(
        [analyzer, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    assert str(unit) in verified.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_little_is_left_to_a_program_that_was_taken_over(
    analyzer: str, installed: Path, name: str
) -> None:
    path = installed / name.replace("@.", "@9000.")
    command = [analyzer, "security", "--offline=true", f"--threshold={MOST_EXPOSED}", str(path)]
    rated = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unrecognized option" in rated.stderr:
        pytest.skip("this systemd-analyze rates no files: it is older than 250")
    assert rated.returncode == 0, rated.stdout + rated.stderr
    assert "Overall exposure level" in rated.stdout


def test_the_gateway_has_the_time_to_end_its_tunnels() -> None:
    assert float(one("lockgate.service", "TimeoutStopSec")) > (
        GatewaySettings.model_fields["tunnel_grace"].default
    )


def test_the_gateway_has_the_time_to_start_its_first_workers() -> None:
    assert float(one("lockgate.service", "TimeoutStartSec")) > READY_WITHIN_S


def test_systemd_waits_for_what_the_gateway_tells() -> None:
    assert one("lockgate.service", "Type") == "notify"
    assert one("lockgate.service", "ExecReload") == "/bin/kill -HUP $MAINPID"
    assert one("lockgate.service", "KillMode") == "mixed", "workers are told by their master"
    assert one("lockgate.service", "RestartPreventExitStatus") == str(EXIT_USAGE)


def test_each_socket_has_the_name_by_which_it_is_told() -> None:
    assert one("lockgate.socket", "FileDescriptorName") == PUBLIC
    assert one("lockgate-admin.socket", "FileDescriptorName") == ADMIN
    for name in ("lockgate.socket", "lockgate-admin.socket"):
        assert one(name, "Service") == "lockgate.service"


def test_the_guide_installs_every_unit_and_shows_no_other() -> None:
    text = (ROOT / "docs/deployment.md").read_text()
    assert [name for name in UNITS if name not in text] == []
    for block in blocks("docs/deployment.md", "ini"):
        assert "ExecStart=/" not in block.text, "the units themselves are in deploy/systemd"
