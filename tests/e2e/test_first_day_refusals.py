"""Mistakes of a first day that need an installation: what the person reads, and what helps.

The list of all ten is in tests/http/test_first_day_mistakes.py.
"""

import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.version import VERSION
from tests.support.documents import ROOT
from tests.support.installs import Install
from tests.support.registry_servers import free_port
from tests.support.serving import Project

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240), pytest.mark.xdist_group("packages")]

TROUBLESHOOTING = (ROOT / "docs/troubleshooting.md").read_text()


# 5. The registry is down


async def test_the_registry_of_serve_is_down(tmp_path: Path) -> None:
    away = f"redis://127.0.0.1:{free_port()}/0"

    status, out, error = await Project(tmp_path).run("serve", REDIS_URL=away)

    assert (status, out) == (1, "")
    assert error.startswith(f"lockgate: REDIS_URL={away} does not answer: Error 111 connecting to ")
    assert error.endswith("; start that server, or unset REDIS_URL and one is started here\n")


# 6. A port that is taken


async def test_the_port_of_serve_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, out, error = await Project(tmp_path).run("serve", "--port", str(port))

    assert (status, out) == (1, "")
    assert error.startswith(f"lockgate: port {port} is taken by ")
    assert re.search(
        rf"\(pid {os.getpid()}\): stop that, or choose another port, as in `lockgate serve --port \d+`\n\Z",
        error,
    )


# 7. The bare install


@pytest.mark.parametrize(
    ("command", "extras"),
    [
        (("lockgate", "serve"), "gateway,embedded"),
        (("lockgate", "up"), "gateway"),
        (("lockgate", "doctor"), "gateway"),
        (("lockgate", "gateway"), "gateway"),
        (("python", "-m", "gateway"), "gateway"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else given,
)
def test_the_bare_install(
    bare: Install, tmp_path: Path, command: tuple[str, ...], extras: str
) -> None:
    done = bare.run(tmp_path, *command)

    assert (done.returncode, done.stdout) == (1, "")
    what = command[1] if command[0] == "lockgate" else " ".join(command)
    assert re.fullmatch(
        rf'lockgate: {what} needs the extra "gateway" \(\w+ is not installed\): '
        rf'pip install "lockgate\[{extras}\]"\n',
        done.stderr,
    )


# 8. A package of one's own

OWN = {
    "services": ("python", "-m", "services", "price_service"),
    "gateway": ("python", "-m", "gateway"),
    "shared": ("python", "-c", "from shared.service_discovery import get_service_registry"),
    "discovery": ("python", "-c", "from discovery import announce"),
}
#: Python's own messages, as the document quotes them, and what helps.
SEEN: Mapping[str, str] = {
    "services": "No module named services.__main__; 'services' is a package and cannot be directly executed",
    "gateway": "No module named gateway.__main__; 'gateway' is a package and cannot be directly executed",
    "shared": "ModuleNotFoundError: No module named 'shared.service_discovery'",
    "discovery": "ImportError: cannot import name 'announce' from 'discovery'",
}
HELPS: Mapping[str, tuple[str, ...]] = {
    "services": ("python", "-m", "lockgate.services", "--version"),
    "gateway": ("python", "-m", "lockgate.gateway", "--version"),
    "shared": ("python", "-c", "from lockgate import get_service_registry"),
    "discovery": ("python", "-c", "from lockgate import announce"),
}


@pytest.mark.parametrize("name", OWN)
def test_a_package_of_ones_own(full: Install, tmp_path: Path, name: str) -> None:
    """The message is Python's, so the sentence that helps is in the document."""
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("")

    mistaken = full.run(tmp_path, *OWN[name], PYTHONPATH=str(tmp_path))
    mended = full.run(tmp_path, *HELPS[name], PYTHONPATH=str(tmp_path))

    assert mistaken.returncode == 1
    assert SEEN[name] in mistaken.stderr.splitlines()[-1]
    assert (mended.returncode, mended.stderr) == (0, "")
    assert mended.stdout in ("", f"lockgate {VERSION}\n")
    assert f"`{SEEN[name]}" in TROUBLESHOOTING
