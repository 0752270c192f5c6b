"""Which registry server `make up` uses, tested with real servers and with look-alikes."""

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.stack.failures import StackError
from gateway.stack.registry.own import OwnRegistry
from gateway.stack.registry.ping import answers_ping, default_url
from gateway.stack.registry.server import choose_registry, own_binary, own_registry
from gateway.stack.state import StackState, stack_state
from tests.support.registry_servers import free_port
from tests.support.stack_stand_ins import until

StartServer = Callable[..., int]


@pytest.fixture
def state(tmp_path: Path) -> StackState:
    state = stack_state(tmp_path, 0)
    state.prepare()
    return state


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Starts a foreign server with more options; returns its port."""
    servers: list[subprocess.Popen[bytes]] = []

    def start(*options: str) -> int:
        binary = own_binary()
        assert binary is not None
        port = free_port()
        command = [binary[0], "--port", str(port), "--save", "", "--dir", str(tmp_path), *options]
        servers.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        until(lambda: _accepts(port))
        return port

    yield start
    for server in servers:
        server.kill()
        server.wait()


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def test_a_given_url_comes_first(state: StackState, start_server: StartServer) -> None:
    given, default = start_server(), start_server()
    choice = choose_registry(f"redis://127.0.0.1:{given}/3", default, state)
    assert choice.url == f"redis://127.0.0.1:{given}/3"
    assert choice.process is None


def test_a_given_url_that_does_not_answer_is_named_without_its_password(state: StackState) -> None:
    port = free_port()
    with pytest.raises(StackError, match=f"REDIS_URL=redis://.*127.0.0.1:{port}") as told:
        choose_registry(f"redis://me:secret@127.0.0.1:{port}/0", free_port(), state)
    assert "secret" not in str(told.value)


def test_a_server_at_the_default_port_is_used_and_is_not_ours(
    state: StackState, start_server: StartServer
) -> None:
    port = start_server()
    choice = choose_registry(None, port, state)
    assert (choice.url, choice.process) == (default_url(port), None)
    assert "not ours" in choice.about


def test_a_full_memory_that_refuses_is_no_obstacle(
    state: StackState, start_server: StartServer
) -> None:
    port = start_server("--maxmemory", "100mb", "--maxmemory-policy", "noeviction")
    assert choose_registry(None, port, state).process is None


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"), "allkeys-lru"),
        (("--requirepass", "secret"), "asks for a password"),
        (("--user", "default", "on", "nopass", "~*", "+@all", "-eval"), "accepts no scripts"),
        (("--replicaof", "127.0.0.1", "1"), "not as one writable server"),
    ],
)
def test_a_server_that_would_not_do_is_named_with_the_way_out(
    state: StackState, start_server: StartServer, options: tuple[str, ...], named: str
) -> None:
    port = start_server(*options)
    with pytest.raises(StackError, match=named) as told:
        choose_registry(None, port, state)
    assert f"port {port}" in str(told.value)
    assert "REDIS_URL" in str(told.value)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
def test_a_program_that_is_no_redis_is_named(state: StackState, answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_answer_all, args=(listener, answer), daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        with pytest.raises(StackError, match=f"port {port}.*not a Redis") as told:
            choose_registry(None, port, state)
        assert f"pid {os.getpid()}" in str(told.value)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def _answer_all(listener: socket.socket, answer: bytes) -> None:
    """Send the same answer on each connection; without an answer, keep it open in silence."""
    silent = []
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            break
        if not answer:
            silent.append(connection)
            continue
        with connection:
            connection.recv(1000)
            connection.sendall(answer)
    for connection in silent:
        connection.close()


def test_a_free_port_gets_a_server_of_its_own_on_loopback(state: StackState) -> None:
    port = free_port()
    choice = choose_registry(None, port, state)
    assert choice.process is not None
    assert choice.process.port == port
    config = state.registry_config.read_text()
    assert "bind 127.0.0.1\n" in config
    assert "appendonly yes\n" in config


def test_a_server_on_the_path_comes_before_the_wheels(
    state: StackState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "redis-server"
    installed.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    choice = choose_registry(None, free_port(), state)
    assert choice.process is not None
    assert choice.process.command[0] == str(installed)


def test_a_server_that_still_loads_or_is_gone_does_not_answer() -> None:
    assert not answers_ping(default_url(free_port()))


def test_what_took_the_port_at_the_same_moment_is_not_taken_for_our_own_server(
    state: StackState, start_server: StartServer
) -> None:
    """Two `lockgate serve` that were started at once shared the registry of one of them."""
    port = start_server()
    server = own_registry(port, state).process
    assert server is not None
    registry = OwnRegistry(server, state, group=os.getpgrp(), on_start=lambda pid: None)
    with pytest.raises(StackError, match=f"port {port} was just taken by .*try again"):
        registry.start()


@pytest.mark.parametrize(
    ("password", "said"),
    [("", "asks for a password"), (":wrong@", "takes another user or password")],
)
def test_a_given_server_that_lets_nobody_in_is_not_told_to_be_started(
    state: StackState, start_server: StartServer, password: str, said: str
) -> None:
    """The message said that the server does not answer and should be started."""
    port = start_server("--requirepass", "right")
    with pytest.raises(StackError) as failure:
        choose_registry(f"redis://{password}127.0.0.1:{port}/0", port, state)
    assert f"{said}: give it" in str(failure.value)
    assert "HELLO" not in str(failure.value)
    assert "start that" not in str(failure.value)
