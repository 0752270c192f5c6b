"""What is found of two answers, counted, reported and logged."""

import asyncio
import gzip
import json
from typing import Any

import pytest

from tests.http.configured.mirror.conftest import StartMirrored
from tests.support.raw_clients import RawClient
from tests.support.upstreams import Received

JSON = "compare: {json: true}"


def answer(
    body: bytes, *fields: str, status: str = "200 OK", media: str = "application/json"
) -> bytes:
    lines = "".join(f"{one}\r\n" for one in (f"Content-Type: {media}", *fields))
    return f"HTTP/1.1 {status}\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


def of(value: Any) -> bytes:
    return answer(json.dumps(value).encode())


def places(report: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["kind"], one["place"]) for one in report["differences"]]


async def test_other_statuses_are_found_and_nothing_else_then(
    start_mirrored: StartMirrored,
) -> None:
    mirrored = await start_mirrored(of(1), answer(b"2", status="500 Broken"), JSON)
    assert (await mirrored.configured.ask("/")).status == 200
    report = await mirrored.reported(answered=1)
    assert places(report) == [("status", "")]
    assert report["differences"][0]["example"]["mirror"] == "500"


async def test_chosen_headers_are_compared(start_mirrored: StartMirrored) -> None:
    more = "compare: {headers: [Content-Type, X-Plan]}"
    mirrored = await start_mirrored(
        answer(b"", "X-Plan: a", "X-Other: a"), answer(b"", "x-plan: b"), more
    )
    await mirrored.configured.ask("/")
    report = await mirrored.reported(answered=1)
    assert places(report) == [("header", "x-plan")]


async def test_json_is_compared_by_pointer_and_values_stay_hidden(
    start_mirrored: StartMirrored,
) -> None:
    one = {
        "items": [{"price": 1, "id": "a"}, {"price": 2, "id": "b"}],
        "secret": "hunter2",
        "at": 1,
    }
    two = {
        "items": [{"price": 1.0, "id": "x"}, {"price": 3, "id": "y"}],
        "secret": "hunter3",
        "at": 2,
    }
    more = "compare: {json: true, ignore: [/at, /items/*/id]}"
    mirrored = await start_mirrored(of(one), of(two), more)
    got = await mirrored.configured.ask("/", "X-Correlation-ID: an-id")
    assert json.loads(got.body) == one
    report = await mirrored.reported(answered=1)
    assert sorted(places(report)) == [("value", "/items/*/price"), ("value", "/secret")]
    by_place = {found["place"]: found["example"] for found in report["differences"]}
    assert by_place["/items/*/price"] == {
        "at": "/items/1/price",
        "original": "number",
        "mirror": "number",
        "correlation_id": "an-id",
    }
    assert by_place["/secret"]["original"] == "text of 7 characters"
    assert "hunter" not in json.dumps(report)


async def test_values_are_shown_where_that_is_asked_for(start_mirrored: StartMirrored) -> None:
    mirrored = await start_mirrored(
        of({"a": 1}), of({"a": "x"}), "compare: {json: true, values: true}"
    )
    await mirrored.configured.ask("/")
    report = await mirrored.reported(answered=1)
    example = report["differences"][0]["example"]
    assert (example["original"], example["mirror"]) == ("1", '"x"')


async def test_codings_are_undone_first(start_mirrored: StartMirrored) -> None:
    encoded = answer(gzip.compress(b'{"a": 1}'), "Content-Encoding: gzip")
    mirrored = await start_mirrored(encoded, of({"a": 1}), JSON)
    await mirrored.configured.ask("/", "Accept-Encoding: gzip")
    report = await mirrored.reported(answered=1)
    assert (report["same"], report["not_compared"]) == (1, {})


@pytest.mark.parametrize("is_of_mirror", [True, False])
async def test_bodies_over_the_cap_are_not_compared_which_is_said(
    start_mirrored: StartMirrored, is_of_mirror: bool
) -> None:
    small, large = of({"a": 1}), of({"a": "x" * 2**18})
    answers = (small, large) if is_of_mirror else (large, small)
    mirrored = await start_mirrored(*answers, JSON)
    await mirrored.configured.ask("/")
    report = await mirrored.reported(answered=1)
    assert (report["same"], report["not_compared"]) == (1, {"too_large": 1})


@pytest.mark.parametrize(("method", "status"), [("HEAD", b"200 OK"), ("GET", b"304 Not Modified")])
async def test_a_body_that_is_announced_and_never_comes_is_not_missed(
    start_mirrored: StartMirrored, method: str, status: bytes
) -> None:
    answer = (
        b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n\r\n" % status
    )
    mirrored = await start_mirrored(answer, answer, "compare: {json: true}")
    client = await RawClient.connect(mirrored.configured.gateway.port)
    async with client:
        await client.send(f"{method} / HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        await client.answer(to_head=True)
        report = await mirrored.reported(answered=1)
    assert (report["same"], report["not_compared"]) == (1, {})


async def test_json_against_something_else_is_a_difference(start_mirrored: StartMirrored) -> None:
    mirrored = await start_mirrored(of(1), answer(b"<p>", media="text/html"), JSON)
    await mirrored.configured.ask("/")
    report = await mirrored.reported(answered=1)
    assert places(report) == [("body", "")]


async def test_an_event_stream_ends_the_copy(start_mirrored: StartMirrored) -> None:
    async def stream(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        await received.reader.read()

    mirrored = await start_mirrored(of(1), stream, JSON)
    await mirrored.configured.ask("/")
    report = await mirrored.reported(answered=1)
    assert report["not_compared"] == {"event_stream": 1}


async def test_an_original_event_stream_is_not_compared(start_mirrored: StartMirrored) -> None:
    async def stream(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
        await received.reader.read()

    async def hang(received: Received, _writer: asyncio.StreamWriter) -> None:
        await received.reader.read()

    mirrored = await start_mirrored(stream, hang, JSON)
    client = await RawClient.connect(mirrored.configured.gateway.port)
    await client.send(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
    await client.reader.readuntil(b"data: 1\n\n")
    await mirrored.reported(abandoned=1)
    client.writer.transport.abort()


async def test_a_failed_original_is_not_compared(start_mirrored: StartMirrored) -> None:
    mirrored = await start_mirrored(b"not HTTP", of(1), JSON)
    assert (await mirrored.configured.ask("/")).status == 502
    report = await mirrored.reported(answered=1)
    assert report["not_compared"] == {"upstream_invalid": 1}


async def test_times_are_reported_of_both(start_mirrored: StartMirrored) -> None:
    mirrored = await start_mirrored()
    await mirrored.configured.ask("/")
    report = await mirrored.reported(answered=1)
    for answered in ("original", "mirror"):
        assert set(report["seconds"][answered]) == {"p50", "p90", "p99"}


async def test_metrics_and_status_have_the_same_numbers(start_mirrored: StartMirrored) -> None:
    mirrored = await start_mirrored(of({"a": 1}), of({"a": 2, "b": 1}), JSON)
    gateway = mirrored.configured.gateway
    assert "mirrors" not in (await gateway.admin("GET", "/status")).json()
    await mirrored.configured.ask("/")
    await mirrored.reported(answered=1)
    text = (await gateway.admin("GET", "/metrics")).body.decode()
    labels = 'mirror="shadow"'
    for line in (
        f'gateway_mirror_copies_total{{{labels},outcome="answered",route="shop"}} 1.0',
        f'gateway_mirror_compared_total{{{labels},result="different",route="shop"}} 1.0',
        f'gateway_mirror_differences_total{{kind="value",{labels},route="shop"}} 1.0',
        f'gateway_mirror_differences_total{{kind="added",{labels},route="shop"}} 1.0',
    ):
        assert line in text
    assert (
        'gateway_upstream_attempts_total{outcome="answered",upstream_service="shadow"}' not in text
    )
    status = (await gateway.admin("GET", "/status")).json()["mirrors"]
    assert status == {"in_flight": 0, "copies": 1, "answered": 1, "same": 0, "different": 1}


async def test_reports_begin_anew_when_asked_to(start_mirrored: StartMirrored) -> None:
    mirrored = await start_mirrored()
    await mirrored.configured.ask("/")
    await mirrored.reported(answered=1)
    gateway = mirrored.configured.gateway
    assert (await gateway.admin("DELETE", "/mirrors")).status == 204
    assert (await gateway.admin("GET", "/mirrors")).json() == {"mirrors": []}
    await mirrored.configured.ask("/")
    report = await mirrored.reported(answered=1)
    assert (report["compared"], report["same"]) == (1, 1)
    metrics = (await gateway.admin("GET", "/metrics")).body.decode()
    assert (
        'gateway_mirror_copies_total{mirror="shadow",outcome="answered",route="shop"} 2.0'
        in metrics
    )


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_only_who_has_the_token_sees_reports(
    start_mirrored: StartMirrored, method: str
) -> None:
    mirrored = await start_mirrored()
    assert (await mirrored.configured.ask("/mirrors", method=method)).status == 401


async def test_each_copy_has_a_record_in_the_log(
    start_mirrored: StartMirrored, capsys: pytest.CaptureFixture[str]
) -> None:
    mirrored = await start_mirrored(of({"a": 1}), of({"a": 2}), JSON)
    await mirrored.configured.ask("/", "X-Correlation-ID: an-id")
    await mirrored.reported(answered=1)
    (line,) = [one for one in capsys.readouterr().out.splitlines() if " mirror " in one]
    for word in ("correlation_id=an-id", "mirror=shadow", "mirror_status=200", "value /a"):
        assert word in line
