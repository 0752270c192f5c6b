"""Ports that need root: an ordinary user is told to use root or another port."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.cli.examining.ports import ports
from gateway.config.settings import load_settings
from gateway.machine.bind_failures import reason
from gateway.machine.ports import is_free, privilege_needed
from gateway.process.sockets import bind
from gateway.stack.changes.free_ports import require_free_ports
from gateway.stack.failures import StackError
from gateway.stack.plan import GATEWAY, ProcessSpec
from tests.support.documents import ROOT

_FIRST_FOR_ALL = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
NEEDS_ROOT = "port 1 needs root or CAP_NET_BIND_SERVICE"


@pytest.fixture
def nobody() -> Iterator[None]:
    """Drop root's privileges for the test."""
    if not _FIRST_FOR_ALL.exists() or int(_FIRST_FOR_ALL.read_text()) < 2:
        pytest.skip("every port is for everybody here")
    privileged = os.geteuid() == 0
    if privileged:
        os.seteuid(65534)
    yield
    if privileged:
        os.seteuid(0)


@pytest.mark.usefixtures("nobody")
def test_a_privileged_port_is_not_free_and_what_it_takes_is_told() -> None:
    assert not is_free(1)
    assert privilege_needed(1).startswith(NEEDS_ROOT)
    assert "ip_unprivileged_port_start" in privilege_needed(1)
    assert privilege_needed(0) == ""


@pytest.mark.usefixtures("nobody")
def test_up_tells_it_and_not_that_a_program_has_it() -> None:
    with pytest.raises(StackError, match=NEEDS_ROOT) as told:
        require_free_ports([ProcessSpec(GATEWAY, GATEWAY, 1, ())])
    assert "GATEWAY_PORT" in str(told.value)
    assert "taken" not in str(told.value)


@pytest.mark.usefixtures("nobody")
def test_the_gateway_and_serve_tell_it_in_place_of_permission_denied() -> None:
    with pytest.raises(OSError, match=f"GATEWAY_PORT.*{NEEDS_ROOT}"):
        bind(load_settings({"GATEWAY_PORT": "1"}))


def test_troubleshooting_quotes_it() -> None:
    told = reason(PermissionError(errno.EACCES, "Permission denied"), 80)
    assert f"| `{told}` |" in (ROOT / "docs/troubleshooting.md").read_text()


@pytest.mark.usefixtures("nobody")
def test_the_doctor_tells_it() -> None:
    found = next(ports(0, {"GATEWAY_PORT": "1"}))
    assert (found.check, found.state) == ("port 1", "warning")
    assert NEEDS_ROOT in found.detail
    assert "--port N" in found.advice
