"""A peer is measured only if it answers the workload as its origin does."""

import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import pytest

from bench.checking import wrong_answers
from bench.peers import nginx
from bench.peers.peer import Launch, Site
from bench.processes import THIS_TREE, Running, free_port
from bench.route_set import requests_over
from bench.workloads import UNIQUE, WORKLOADS, Workload

ANSWER = b"HTTP/1.1 %d\r\nContent-Length: %d\r\nX-Request-Id: %s\r\n\r\n%s"


@pytest.fixture(scope="module", params=["nginx", "own origin"])
def origin_port(request: pytest.FixtureRequest) -> Iterator[int]:
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # nginx's worker may run as another user
        yield from serving_port(request.param, Path(folder))


def serving_port(server: str, folder: Path) -> Iterator[int]:
    port = free_port()
    launch: Launch | None = Launch([sys.executable, "-m", "bench.origin", str(port)], THIS_TREE)
    if server == "nginx":
        launch = nginx.origin(Site(port, 0, 0, folder))
    if launch is None:
        pytest.skip("nginx is not installed")
    with Running(launch.command, core=0, folder=folder, port=port, environment=launch.environment):
        yield port


@pytest.mark.parametrize(
    "workload", [*WORKLOADS.values(), requests_over(100)], ids=lambda workload: workload.name
)
def test_both_origins_answer_each_workload(workload: Workload, origin_port: int) -> None:
    assert not wrong_answers(origin_port, workload.template("bench", ""), workload)


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (ANSWER % (502, 3, b"x", b"bad"), "it answers 502 instead of 200"),
        (ANSWER % (200, 3, b"x", b"bad"), "its body of 3 bytes is another one"),
        (b"", "it does not answer"),
    ],
)
def test_a_peer_that_answers_wrongly_is_found(answer: bytes, wrong: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with server.accept()[0] as connection:
                connection.recv(65536)
                connection.sendall(answer)

        serving = Thread(target=serve)
        serving.start()
        port = server.getsockname()[1]
        assert wrong_answers(port, UNIQUE.template("bench", ""), UNIQUE).startswith(wrong)
        serving.join()


def test_a_peer_that_answers_from_memory_is_found(origin_port: int) -> None:
    repeated = UNIQUE.template("bench", "").replace("/unique", "/small")
    assert "X-Request-Id" in wrong_answers(origin_port, repeated, UNIQUE)
