"""What systemd is told over NOTIFY_SOCKET."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.master.notify import ServiceManager, forget


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(5)
        yield sock


def manager_at(sock: socket.socket, **environ: str) -> ServiceManager:
    return ServiceManager({"NOTIFY_SOCKET": sock.getsockname(), **environ})


def test_the_start_and_the_stop_are_told_with_a_line_for_people(listening: socket.socket) -> None:
    manager = manager_at(listening)
    manager.ready("serving on 127.0.0.1:8080")
    assert listening.recv(1000) == b"READY=1\nSTATUS=serving on 127.0.0.1:8080"
    manager.says("half of it")
    assert listening.recv(1000) == b"STATUS=half of it"
    manager.stopping("the last requests")
    assert listening.recv(1000) == b"STOPPING=1\nSTATUS=the last requests"


def test_a_reload_is_told_with_its_time_by_the_clock_of_systemd(listening: socket.socket) -> None:
    before = time.monotonic_ns() // 1000
    manager_at(listening).reloading()
    first, _, usec = listening.recv(1000).decode().partition("\nMONOTONIC_USEC=")
    assert first == "RELOADING=1"
    assert before <= int(usec) <= time.monotonic_ns() // 1000


def test_a_line_break_in_a_status_makes_no_further_assignment(listening: socket.socket) -> None:
    manager_at(listening).says("a mistake\nMAINPID=1")
    assert listening.recv(1000) == b"STATUS=a mistake MAINPID=1"


@pytest.mark.parametrize(
    ("environ", "interval_s"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_hears_of_the_process_that_it_has_asked(
    listening: socket.socket, environ: dict[str, str], interval_s: float | None
) -> None:
    manager = manager_at(listening, **environ)
    assert manager.watchdog_s == interval_s
    manager.alive()
    manager.says("the end")
    told = [listening.recv(1000)]
    if interval_s is not None:
        told.append(listening.recv(1000))
    assert told == ([b"WATCHDOG=1"] if interval_s is not None else []) + [b"STATUS=the end"]


def test_a_socket_without_a_file_is_written_to() -> None:
    name = f"lockgate-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0{name}")
        sock.settimeout(5)
        ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).says("here")
        assert sock.recv(1000) == b"STATUS=here"


def test_without_a_service_manager_nothing_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    manager = ServiceManager({"WATCHDOG_USEC": "1000"})
    manager.ready("serving")
    manager.alive()
    assert manager.watchdog_s is None
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("/nowhere/at/all", "No such file or directory"),
        ("vsock:2:3", "it has to begin with / or @"),
    ],
)
def test_a_socket_that_takes_nothing_is_told_of_once(
    address: str, why: str, capfd: pytest.CaptureFixture[str]
) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": address})
    manager.ready("serving")
    manager.says("serving")
    line = f"lockgate: can't tell the service manager at NOTIFY_SOCKET={address}: {why}\n"
    assert capfd.readouterr() == ("", line)


def test_children_do_not_speak_for_this_process() -> None:
    environ = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "2", "PATH": "/bin"}
    forget(environ)
    assert environ == {"PATH": "/bin"}
