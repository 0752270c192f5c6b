"""A listener recognises the connections that it accepted."""

import socket

import pytest

from middlewares.ports import Listener
from tests.support.ipv6 import NEEDS_IPV6

V4, V6, UNIX = socket.AF_INET, socket.AF_INET6, socket.AF_UNIX


@pytest.mark.parametrize(
    ("family", "host", "own", "others"),
    [
        (V4, "127.0.0.1", [(V4, ("127.0.0.1",))], [(V4, ("127.0.0.2",)), (V6, ("::1", 0, 0))]),
        (V4, "0.0.0.0", [(V4, ("127.0.0.7",))], [(V6, ("::1", 0, 0))]),
        pytest.param(
            V6,
            "::1",
            [(V6, ("::1", 0, 0))],
            [(V4, ("127.0.0.1",)), (V6, ("fd00::1", 0, 0))],
            marks=NEEDS_IPV6,
        ),
        pytest.param(
            V6,
            "::",
            [(V6, ("::1", 0, 0)), (V6, ("::ffff:127.0.0.1", 0, 0))],
            [(V4, ("127.0.0.1",))],
            marks=NEEDS_IPV6,
        ),
    ],
)
def test_a_port_of_the_same_number_elsewhere_is_another(
    family: int,
    host: str,
    own: list[tuple[int, tuple[object, ...]]],
    others: list[tuple[int, tuple[object, ...]]],
) -> None:
    with socket.socket(family) as sock:
        sock.bind((host, 0))
        port = sock.getsockname()[1]
        listener = Listener(sock)

    for of_family, (address, *more) in own:
        assert listener.accepted(of_family, (address, port, *more))
        assert not listener.accepted(of_family, (address, port + 1, *more))
    for of_family, (address, *more) in others:
        assert not listener.accepted(of_family, (address, port, *more))
    assert not listener.accepted(UNIX, "")


def test_the_one_unix_socket_has_no_name_to_compare(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with socket.socket(UNIX) as sock:
        sock.bind(str(tmp_path_factory.mktemp("s") / "a"))
        listener = Listener(sock)

    assert listener.accepted(UNIX, "")
    assert not listener.accepted(V4, ("127.0.0.1", 1))
