"""Answers whose bodies layers change: those who read them before are told how they ended."""

import pytest

from gateway.front.answer import Answer
from gateway.upstream.messages import ResponseHead
from middlewares.bodies import Abandoned, Sink, Trailers
from middlewares.changed_bodies import WholeBody

HEAD = ResponseHead(200, b"OK", [(b"Content-Length", b"4")], 4)


class Told(Sink):
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def take(self, piece: bytes) -> bool:
        self.told.append(piece)
        return True

    def end(self, trailers: Trailers = ()) -> None:
        self.told.append("end")

    def broke(self, why: Exception) -> None:
        self.told.append(type(why))


@pytest.mark.parametrize("reads", [0, 1, 2])
async def test_each_reader_of_a_changed_body_is_told_once_how_it_ended(reads: int) -> None:
    answer = Answer(HEAD, WholeBody(b"body"), lambda _: None)
    first, second = Told(), Told()
    answer.add_reader(first)
    body = answer.body_for_change()
    answer.change_body(body, None)
    answer.add_reader(second)
    body = answer.body_for_change()
    answer.change_body(body, None)

    for _ in range(reads):
        await body.read()
    answer.release()
    answer.release()

    told = [*[b"body"][:reads], "end" if reads == 2 else Abandoned]
    assert first.told == second.told == told
