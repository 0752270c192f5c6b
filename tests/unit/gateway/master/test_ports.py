"""Ports that the master binds for its workers."""

import errno
import os
import socket

import pytest

from gateway.master.ports import Ports
from tests.support.registry_servers import free_port

HOST = "127.0.0.1"


def connects(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), 5).close()
    except ConnectionRefusedError:
        return False
    return True


def test_workers_that_ask_for_the_same_port_get_the_same_socket() -> None:
    ports, port = Ports(), free_port()
    answers = [ports.ask(worker, HOST, port) for worker in ("1", "2")]

    assert [said for said, _ in answers] == [{}, {}]
    for _, descriptor in answers:
        assert descriptor is not None
        os.close(descriptor)
    assert connects(port)
    ports.close()


def test_a_port_stays_open_until_the_last_worker_has_left_or_ended() -> None:
    ports, port = Ports(), free_port()
    for worker in ("1", "2", "3"):
        _, descriptor = ports.ask(worker, HOST, port)
        assert descriptor is not None
        os.close(descriptor)

    ports.ended("1")
    ports.leave("2", HOST, port)
    ports.leave("2", HOST, port)
    assert connects(port)
    ports.ended("3")
    assert not connects(port)


def test_a_port_that_another_program_has_is_told_as_such() -> None:
    with socket.create_server((HOST, 0)) as other:
        said, descriptor = Ports().ask("1", HOST, other.getsockname()[1])

    assert said["errno"] == errno.EADDRINUSE
    assert descriptor is None


def test_ports_go_on_in_another_master() -> None:
    ports, port = Ports(), free_port()
    _, descriptor = ports.ask("1", HOST, port)
    assert descriptor is not None
    os.close(descriptor)
    (state,) = ports.handed_on()
    state.descriptor = os.dup(state.descriptor)
    ports.close()

    after = Ports([state])
    assert connects(port)
    after.ended("1")
    assert not connects(port)


def test_a_port_that_cant_be_passed_on_does_not_stay_open(monkeypatch: pytest.MonkeyPatch) -> None:
    ports, port = Ports(), free_port()

    def none_free(_descriptor: int) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as patched:
        patched.setattr(os, "dup", none_free)
        said, descriptor = ports.ask("1", HOST, port)

    assert (said["errno"], descriptor) == (errno.EMFILE, None)
    assert not connects(port)
    assert ports.handed_on() == []
