"""An instance answers in the middle of an upload and closes; client and instance are plain sockets."""

import socket
from collections.abc import Iterator

import pytest

from tests.conftest import StartGateway
from tests.support.refusers import Refuser, upload

ANSWER = b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 9\r\n\r\ntoo large"
REPEATS = 25


@pytest.fixture(
    params=[lambda _: None, lambda connection: connection.shutdown(socket.SHUT_WR)],
    ids=["reset", "end and reset"],
)
def refuser(request: pytest.FixtureRequest) -> Iterator[Refuser]:
    instance = Refuser(ANSWER, request.param)
    yield instance
    instance.stop()


async def test_the_answer_to_an_upload_is_not_lost_with_its_connection(
    start_gateway: StartGateway, refuser: Refuser
) -> None:
    """On uvloop one answer in three was a 502 `upstream_reset`."""
    gateway = await start_gateway()
    await gateway.register("uploads", refuser.port)

    answers = [await upload(gateway.port) for _ in range(REPEATS)]

    assert [(answer.status, answer.body) for answer in answers] == [(413, b"too large")] * REPEATS
