"""Which sockets of LISTEN_FDS are taken, for what, and what is said about others."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from discovery.model.errors import SettingsError
from gateway.config.settings import load_settings
from gateway.process.passed_sockets import PassedSockets, take_passed_sockets
from gateway.process.sockets import bind

#: Descriptors that nothing else has here, in place of those from 3 on.
FIRST = 700
Pass = Callable[..., dict[str, str]]


@pytest.fixture
def passed() -> Iterator[Pass]:
    """Passes sockets and makes the variables; what nobody has taken is closed at the end."""
    count = 0

    def pass_on(*sockets: socket.socket, names: str = "") -> dict[str, str]:
        nonlocal count
        for sock in sockets:
            os.dup2(sock.fileno(), FIRST + count)
            sock.close()
            count += 1
        environ = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(count), "PATH": "/bin"}
        return environ | ({"LISTEN_FDNAMES": names} if names else {})

    yield pass_on
    for descriptor in range(FIRST, FIRST + count):
        try:
            os.close(descriptor)
        except OSError:
            continue


def listening(family: int = socket.AF_INET, address: object = ("127.0.0.1", 0)) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.bind(address)
    sock.listen()
    return sock


def close(sockets: PassedSockets) -> None:
    for sock in (sockets.public, sockets.admin):
        if sock is not None:
            sock.close()


def test_a_single_socket_is_the_public_one_whatever_its_name(passed: Pass) -> None:
    sock = listening()
    port = sock.getsockname()[1]
    environ = passed(sock, names="lockgate.socket")

    taken = take_passed_sockets(environ, FIRST)

    assert taken.public is not None
    assert taken.public.getsockname() == ("127.0.0.1", port)
    assert not taken.public.get_inheritable()
    assert taken.variables == {"GATEWAY_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
    assert environ == {"PATH": "/bin"}, "children would take what is not theirs"
    assert bind(load_settings(taken.variables), taken) == [taken.public]
    close(taken)


def test_a_second_one_is_the_admins_by_its_name(passed: Pass, tmp_path: Path) -> None:
    path = str(tmp_path / "admin.sock")
    environ = passed(listening(socket.AF_UNIX, path), listening(), names="admin:public")

    taken = take_passed_sockets(environ, FIRST)

    assert taken.variables["ADMIN_LISTEN"] == f"unix:{path}"
    assert bind(load_settings(taken.variables), taken) == [taken.public, taken.admin]
    close(taken)


def test_what_is_not_passed_is_bound(passed: Pass) -> None:
    environ = passed(listening(socket.AF_INET6, ("::1", 0)), names="admin")

    taken = take_passed_sockets(environ, FIRST)

    assert taken.admin is not None
    port = taken.admin.getsockname()[1]
    assert taken.variables == {"ADMIN_LISTEN": f"[::1]:{port}"}
    public, admin = bind(load_settings({**taken.variables, "GATEWAY_PORT": "0"}), taken)
    assert admin is taken.admin
    public.close()
    close(taken)


@pytest.mark.parametrize("pid", ["1", "", "nobody"])
def test_what_was_passed_to_another_process_is_not_taken(passed: Pass, pid: str) -> None:
    environ = passed(listening()) | {"LISTEN_PID": pid}
    assert take_passed_sockets(environ, FIRST) == PassedSockets()
    assert environ == {"PATH": "/bin"}
    os.fstat(FIRST)  # it is still open


def refused(environ: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as told:
        take_passed_sockets(environ, FIRST)
    assert environ == {"PATH": "/bin"}
    return str(told.value)


@pytest.mark.parametrize("count", ["two", "-1", "1.0", "9" * 9, "9" * 5000])
def test_a_number_of_descriptors_that_is_none_is_refused(passed: Pass, count: str) -> None:
    told = refused(passed() | {"LISTEN_FDS": count})
    assert told == f"LISTEN_FDS={count}: it has to be a number of descriptors"


def test_names_have_to_be_as_many_as_descriptors(passed: Pass) -> None:
    told = refused(passed(listening(), names="public:admin"))
    assert told == "LISTEN_FDNAMES=public:admin: it has 2 names, and LISTEN_FDS is 1"


@pytest.mark.parametrize("names", ["", "web:more", "public:public"])
def test_two_sockets_for_one_purpose_are_refused(passed: Pass, names: str) -> None:
    told = refused(passed(listening(), listening(), names=names))
    assert "a second socket for `public`" in told
    assert "FileDescriptorName=admin" in told


def test_a_file_is_refused(passed: Pass, tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        os.dup2(file.fileno(), FIRST)
    told = refused(passed() | {"LISTEN_FDS": "1"})
    os.close(FIRST)
    assert told.startswith(f"LISTEN_FDS: descriptor {FIRST} (unknown) is no socket: ")


def test_datagrams_are_refused(passed: Pass) -> None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    assert "is no TCP or UNIX stream socket: use ListenStream=" in refused(passed(sock))


def test_a_connection_is_refused(passed: Pass) -> None:
    with listening() as server:
        connection = socket.create_connection(server.getsockname())
        assert "does not listen: use ListenStream= and Accept=no" in refused(passed(connection))


def test_a_unix_socket_without_a_file_is_refused(passed: Pass) -> None:
    told = refused(passed(listening(socket.AF_UNIX, f"\0lockgate-{os.getpid()}"), names="admin"))
    assert told == (
        "LISTEN_FDS: descriptor 700 (admin) is a UNIX socket that has no file: "
        "use ListenStream=/run/lockgate/admin.sock"
    )


def test_clients_do_not_come_over_a_unix_socket(passed: Pass, tmp_path: Path) -> None:
    told = refused(passed(listening(socket.AF_UNIX, str(tmp_path / "s"))))
    assert "the public one has to be a TCP socket" in told


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, ()),
        ({"GATEWAY_HOST": "localhost"}, ()),
        ({"GATEWAY_HOST": "127.0.0.1", "GATEWAY_PORT": ""}, ()),
        ({"GATEWAY_PORT": "1"}, ("GATEWAY_PORT=1 is not used",)),
        ({"GATEWAY_HOST": "10.0.0.1"}, ("GATEWAY_HOST=10.0.0.1 is not used",)),
    ],
)
def test_the_socket_wins_over_the_variables_and_it_is_said(
    passed: Pass, given: dict[str, str], told: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    taken = take_passed_sockets(passed(listening()), FIRST)
    environ = dict(given)
    taken.overrule(environ)
    assert environ == taken.variables
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(told)
    for line, words in zip(lines, told, strict=True):
        assert words in line
        assert "ListenStream=" in line
    close(taken)
