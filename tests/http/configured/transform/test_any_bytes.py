"""No byte that a client or an instance sends changes the number of messages, of lines or of path segments."""

import asyncio
import re
from collections.abc import AsyncIterator
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.conftest import StartGateway
from tests.support.gateways import RunningGateway
from tests.support.raw_clients import RawAnswer, RawClient
from tests.support.upstreams import KeepAliveUpstream, Received, ServedConnection

FILE = """
    defaults: {limits: null, rewrite_location: true}
    routes:
      - name: path
        match: {prefix: /p}
        service: order_service
        request:
          path: "/in/{header.X-In}/{path.rest}"
          headers:
            rename: {X-Old: X-New}
            remove: [X-Debug]
            set: {X-Query: "<{query.a}>", X-Header: "<{header.X-In}>", X-Rest: "<{path.rest}>"}
            add: {X-Method: "{method}-{client_ip}-{correlation_id}"}
          query: {set: {in: "{header.X-In}"}, add: {b: "{query.a}"}, rename: {q: r}}
        response:
          headers:
            set: {X-Query: "<{query.a}>", X-Header: "<{header.X-In}>"}
            add: {X-Rest: "{path.rest}"}
            rename: {X-Old: X-New}
      - name: id
        match: {path: "/i/{id}/end"}
        service: order_service
        request: {path: "/in/{path.id}/end", headers: {set: {X-Query: "<{path.id}>"}}}
        response: {headers: {set: {X-Query: "<{path.id}>"}}}
"""
_CONTROLS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
#: The lines that each request has of itself or of the gateway.
OF_ALL = {
    *(b"host", b"x-in", b"x-correlation-id", b"x-forwarded-for", b"x-forwarded-proto"),
    *(b"x-forwarded-host", b"via", b"x-new", b"connection", b"x-odd"),
}
BY_RULES = {b"x-query", b"x-header", b"x-rest", b"x-method"}
IN_ANSWERS = {
    *(b"content-length", b"date", b"x-correlation-id", b"x-query", b"x-header", b"x-rest"),
    *(b"x-new", b"location", b"set-cookie", b"link", b"connection", b"vary"),
}

ODD = [
    *(b"\r\n", b"\r", b"\n", b"\0", b" ", b"\t", b":", b"X-Evil: 1", b"GET / HTTP/1.1", b"%0d%0a"),
    *(b"/", b"..", b".", b"\\", b";", b"?", b"#", b"&", b"=", b"{", b"}", b"\xff", b"\xc3\xbc"),
]
_bytes = st.one_of(
    st.binary(max_size=12),
    st.lists(st.sampled_from(ODD), max_size=6).map(b"".join),
)


@pytest.fixture
async def upstream() -> AsyncIterator[KeepAliveUpstream]:
    """An instance that answers with the fields that the request's last header has, percent-encoded."""

    async def answer(received: Received, connection: ServedConnection) -> None:
        said = b"".join(
            b"%b: %b\r\n" % (name, STATE["said"])
            for name in (b"X-Old", b"Location", b"Set-Cookie", b"Link")
        )
        await connection.send(b"HTTP/1.1 200 OK\r\n%bContent-Length: 2\r\n\r\nok" % said)

    started = await KeepAliveUpstream.start(answer)
    yield started
    await started.stop()


STATE = {"said": b""}


@pytest.fixture
async def gateway(
    start_gateway: StartGateway,
    upstream: KeepAliveUpstream,
    tmp_path_factory: pytest.TempPathFactory,
) -> RunningGateway:
    file = tmp_path_factory.mktemp("any-bytes") / "lockgate.yaml"
    file.write_text(FILE)
    gateway = await start_gateway(GATEWAY_CONFIG=str(file))
    await gateway.register("order_service", upstream.port, health_check_url="/health")
    return gateway


async def both(gateway: RunningGateway, request: bytes) -> tuple[RawAnswer, RawAnswer | None]:
    """The answer to a request, and to one behind it on the same connection; None: it was closed."""
    client = await RawClient.connect(gateway.port)
    try:
        await client.send(request + b"GET /i/last/end HTTP/1.1\r\nHost: h\r\n\r\n")
        first = await client.answer()
        try:
            return first, await client.answer()
        except (asyncio.IncompleteReadError, ConnectionError):
            return first, None
    finally:
        await client.close()


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
@given(
    query=_bytes,
    header=_bytes.map(lambda raw: _CONTROLS.sub(b"", raw)),
    rest=_bytes,
    said=_bytes.map(lambda raw: _CONTROLS.sub(b"", raw)),
    odd=st.booleans(),
)
@example(query=b"\r\nX-Evil: 1", header=b"a", rest=b"a\r\n\r\nb", said=b"/x", odd=False)
@example(query=b"\0", header=b"\xff\xc3\xbc", rest=b"a b", said=b"</a>", odd=True)
@example(query=b"", header=b"", rest=b"", said=b"", odd=False)
async def test_every_request_is_one_request_and_every_answer_one_answer(
    gateway: RunningGateway,
    upstream: KeepAliveUpstream,
    query: bytes,
    header: bytes,
    rest: bytes,
    said: bytes,
    *,
    odd: bool,
) -> None:
    STATE["said"] = said
    before = len(upstream.requests)
    request = (
        b"GET /p/%b?a=%b&q=%b HTTP/1.1\r\nHost: h\r\nX-In: %b\r\nX-Old: %b\r\nX-Debug: 1\r\n%b\r\n"
        % (
            quote_from_bytes(rest, safe="/").encode(),
            quote_from_bytes(query).encode(),
            quote_from_bytes(query).encode(),
            header,
            header,
            b"X-Odd: \xff\r\n" if odd else b"",
        )
    )
    first, last = await both(gateway, request)
    seen = upstream.requests[before:]

    assert first.status in (200, 400)
    assert b"x-evil" not in {name.lower() for name, _ in first.fields}
    if first.status == 400:
        assert len(seen) == (last is not None)
        return
    assert last is not None
    assert last.values(b"X-Query") == [b"<last>"]
    assert len(seen) == 2
    assert seen[1].target == b"/in/last/end"
    head = seen[0]
    line = head.request_line
    assert line.count(b" ") == 2
    assert not _CONTROLS.search(line)
    assert line.startswith(b"GET /in/")
    # Only the rest of the path, which came with its own slashes, has any.
    assert line.partition(b"?")[0].count(b"/") == 3 + rest.count(b"/")
    names = [name.lower() for name, _ in head.fields]
    assert set(names) <= OF_ALL | BY_RULES
    for name in BY_RULES:
        assert names.count(name) == 1
    assert names.count(b"x-new") == 1
    got = [name.lower() for name, _ in first.fields]
    assert set(got) <= IN_ANSWERS
    assert all(got.count(name) == 1 for name in (b"x-query", b"x-header", b"x-rest", b"x-new"))
    for _, value in (*head.fields, *first.fields):
        assert not _CONTROLS.search(value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(value=_bytes.filter(bool))
@example(value=b"\r\nX-Evil: 1")
async def test_a_value_of_the_path_is_one_segment(
    gateway: RunningGateway, upstream: KeepAliveUpstream, value: bytes
) -> None:
    before = len(upstream.requests)
    path = quote_from_bytes(value, safe="").encode()
    first, last = await both(gateway, b"GET /i/%b/end HTTP/1.1\r\nHost: h\r\n\r\n" % path)
    seen = upstream.requests[before:]
    assert first.status in (200, 400, 404)
    if first.status == 200:
        assert last is not None
        assert len(seen) == 2
        assert re.fullmatch(rb"GET /in/[^/ ?#]+/end HTTP/1\.1", seen[0].request_line)
        assert len(first.values(b"X-Query")) == 1
    else:
        assert len(seen) == (last is not None)
