"""The load of `make bench`: what it sends does not repeat, and what comes back does not."""

import asyncio
import re
import shutil
from itertools import islice

import pytest

from bench.answers import answer
from bench.load import load
from bench.route_set import requests_over, routes
from bench.workloads import FORWARDED, POST, REPEATING, UNIQUE, WORKLOADS, new_run, requests

#: What a memory of the gateway would have to be larger than.
MANY = 20_000


def sent(name: str, count: int = MANY) -> list[bytes]:
    template = WORKLOADS[name].template("127.0.0.1:80", "/api/bench")
    return list(islice(requests(template, new_run()), count))


@pytest.mark.parametrize("name", WORKLOADS.keys() - {REPEATING.name})
def test_no_two_requests_of_a_workload_are_equal(name: str) -> None:
    assert len({*sent(name), *sent(name)}) == 2 * MANY


def test_the_repeating_workload_repeats_all_but_what_is_said_to_be_new() -> None:
    assert len(set(sent(REPEATING.name, 2))) == 1
    (repeated,), (unique,) = sent(REPEATING.name, 1), sent(UNIQUE.name, 1)
    assert len(repeated) == len(unique) - len("unique") + len("small")


@pytest.mark.parametrize(
    "name", ["Cookie", "traceparent", "X-Correlation-ID", "X-Forwarded-For", "tracestate"]
)
def test_each_of_these_fields_is_new_in_each_request(name: str) -> None:
    values = {
        one.partition(name.encode() + b": ")[2].split(b"\r\n")[0] for one in sent("forwarded")
    }
    assert len(values) == MANY


def test_the_body_of_a_post_has_1024_bytes() -> None:
    head, _, body = sent(POST.name, 1)[0].partition(b"\r\n\r\n")
    assert b"Content-Length: 1024" in head
    assert len(body) == 1024


@pytest.mark.parametrize("path", [b"/unique", b"/chunked", b"/unmodified", b"/large"])
def test_no_two_answers_are_equal(path: bytes) -> None:
    assert answer(path) != answer(path)


@pytest.fixture(params=["wrk", "own generator"])
def a_generator(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param != "wrk":
        monkeypatch.setattr(shutil, "which", lambda name: None)
    elif not shutil.which("wrk"):
        pytest.skip("wrk is not installed")


@pytest.mark.usefixtures("a_generator")
async def test_a_load_sends_the_requests_of_the_template() -> None:
    template = FORWARDED.template("proxy.example", "")
    came = await loaded(template)

    # wrk makes one request that it does not send.
    run = came[0].partition(b"request=")[2][:8].decode()
    assert len(set(came)) == len(came)
    assert set(came) <= set(islice(requests(template, run), len(came) + 10))


@pytest.mark.usefixtures("a_generator")
async def test_a_load_over_routes_asks_each_of_them_at_its_host() -> None:
    came = await loaded(requests_over(60).template("proxy.example", ""))

    assert len(set(came)) == len(came)
    assert {asked(head) for head in came} <= {(one.host, one.prefix) for one in routes(60)}
    # Chance leaves out few of 60 in the hundreds of requests of a second.
    assert len({asked(head) for head in came}) > 30


def asked(head: bytes) -> tuple[str, str]:
    """The host, and the path's first two segments."""
    found = re.match(
        r"GET (/v1/things\d+)/[0-9a-f]{16}/unique\?.*\r\nHost: (.*)\r\n", head.decode()
    )
    assert found
    return found[2], found[1]


async def loaded(template: str) -> list[bytes]:
    """What a second of load sends."""
    came: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await read_head(reader):
            came.append(head)
            writer.write(answer(b"/unique"))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    seen = await asyncio.to_thread(
        load, port, template, core=0, connections=4, duration_s=1, pause_ms=1
    )
    server.close()
    assert seen.requests
    assert not seen.failed
    return came


async def read_head(reader: asyncio.StreamReader) -> bytes:
    """An empty one at the connection's end."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""
