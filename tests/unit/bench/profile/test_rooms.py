"""Each sample belongs to the part of the gateway that ran, or that a library worked for."""

from pathlib import Path

import pytest

from bench.profile.rooms import EVENT_LOOP, LIBRARIES, ORDER, by_room, place

ROOT = Path(__file__).resolve().parents[4]
RUNNER = ("/usr/lib/python3.11/asyncio/runners.py", "Runner.run")
MAIN = (f"{ROOT}/gateway/process/start.py", "main")
SEND = (f"{ROOT}/gateway/front/answer.py", "Answer._send")
REQUEST = (f"{ROOT}/gateway/upstream/connection.py", "UpstreamConnection.request")
TAKE = (f"{ROOT}/gateway/upstream/connection.py", "UpstreamConnection._take_whole")
CORRELATE = (f"{ROOT}/middlewares/telemetry/layer.py", "correlation_middleware.<locals>.correlate")
IN_A_LIBRARY = (f"{ROOT}/.venv/lib/python3.11/site-packages/gateway/front/x.py", "work")


@pytest.mark.parametrize(
    ("stack", "room", "function"),
    [
        ([SEND, CORRELATE, RUNNER, MAIN], "answer: send", "gateway/front/answer.py:Answer._send"),
        (
            [IN_A_LIBRARY, REQUEST, RUNNER, MAIN],
            "upstream: write",
            "gateway/upstream/connection.py:UpstreamConnection.request",
        ),
        (
            [TAKE, RUNNER],
            "upstream: read the answer",
            "gateway/upstream/connection.py:UpstreamConnection._take_whole",
        ),
        (
            [CORRELATE, RUNNER],
            "layer: telemetry",
            "middlewares/telemetry/layer.py:correlation_middleware.correlate",
        ),
        ([RUNNER, MAIN], EVENT_LOOP, "uvloop, with the kernel's reads"),
        ([IN_A_LIBRARY, RUNNER, MAIN], LIBRARIES, "x.py:work"),
    ],
)
def test_the_innermost_function_of_the_gateway_decides(
    stack: list[tuple[str, str]], room: str, function: str
) -> None:
    assert place(stack) == (room, function)


def test_parts_are_added_up_in_the_order_of_a_request() -> None:
    rooms = by_room([(2, [SEND, RUNNER]), (1, [REQUEST, RUNNER]), (3, [SEND, CORRELATE])])

    assert [(name, room.total) for name, room in rooms.items()] == [
        ("upstream: write", 1),
        ("answer: send", 5),
    ]
    assert rooms["answer: send"].most(1, digits=1) == "`answer.py:Answer._send` 5.0"


def test_each_file_of_the_gateway_has_a_place_in_the_order() -> None:
    files = [
        str(file)
        for package in ("gateway", "middlewares", "discovery")
        for file in (ROOT / package).rglob("*.py")
    ]

    rooms = {place([(file, "function")])[0] for file in files}

    assert rooms <= set(ORDER) - {LIBRARIES, EVENT_LOOP}
