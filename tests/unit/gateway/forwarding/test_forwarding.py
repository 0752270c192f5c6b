"""What the gateway changes in heads, and that it changes nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.model.instance import Instance
from gateway.forwarding.field_lines import connection_options
from gateway.forwarding.memories import BLOCK_BYTES, NAME_BYTES, SenderMemory, sender_memory
from gateway.forwarding.requests import Inbound, request_head
from gateway.forwarding.responses import response_head
from gateway.front.plain_heads import PlainRequests
from gateway.upstream.messages import FieldLine, ResponseHead
from middlewares.failures import BadRequest, LoopDetected
from middlewares.header_section import HeaderSection
from tests.support.plain_heads import plainly

INSTANCE = Instance(name="price", id="p1", host="10.0.0.9", port=8002)
HOST = (b"Host", b"shop.example")
TRACEPARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
MET = sender_memory()
#: The fields that the gateway adds, lower-case.
ADDED = [b"x-correlation-id", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"]
ADDED += [b"x-forwarded-prefix", b"via", b"connection"]


def inbound(
    *fields: FieldLine,
    method: str = "GET",
    version: tuple[int, int] = (1, 1),
    trusted: bool = False,
    authority: str | None = None,
    target: str = "/quotes?a=1",
    host: FieldLine | None = HOST,
) -> Inbound:
    return Inbound(
        method=method,
        section=HeaderSection([*([host] if host else []), *fields]),
        version=version,
        peer="198.51.100.7",
        peer_trusted=trusted,
        scheme="http",
        authority=authority,
        target=target,
        prefix="/api/price",
        correlation_id="the-id",
    )


def sent_plainly(
    *fields: FieldLine, met: SenderMemory, plain: PlainRequests, host: bytes = HOST[1]
) -> bytes:
    """What goes to an instance for a request that the plain reader takes."""
    head = plainly(inbound(*fields, host=(b"Host", host)), met, plain)
    assert head is not None
    return head.data


@dataclass
class Sent:
    """A request's head, read back from the bytes that go to the instance."""

    method: str
    target: bytes
    fields: list[FieldLine]
    chunked: bool
    upgrades: bool
    data: bytes


def head_of(request: Inbound) -> Sent:
    head = request_head(request, INSTANCE)
    assert plainly(request, MET) in (None, head)
    first, *lines = head.data.removesuffix(b"\r\n\r\n").split(b"\r\n")
    method, target, version = first.split(b" ")
    assert (method, version) == (head.method.encode(), b"HTTP/1.1")
    fields = [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]
    return Sent(head.method, target, fields, head.chunked, head.upgrades, head.data)


def passed(request: Inbound) -> list[FieldLine]:
    """The field lines that go to the instance, without those that the gateway adds."""
    return [field for field in head_of(request).fields if field[0].lower() not in ADDED]


def response_fields(fields: Sequence[FieldLine]) -> list[FieldLine]:
    """The field lines of an answer that go to the client; the quick and the careful way must agree."""
    date = (b"Date", b"now")
    quick, careful = (
        response_head(ResponseHead(200, b"OK", [*fields, date]), (1, 1), b"", careful=careful)
        for careful in (False, True)
    )
    assert quick == careful
    lines = quick.removesuffix(b"\r\n\r\n").split(b"\r\n")[1:]
    *kept, last = [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]
    assert last == date
    return kept


def sent(request: Inbound, name: bytes) -> list[bytes]:
    """The values of each line of a field that goes to the instance."""
    return [value for key, value in head_of(request).fields if key.lower() == name]


# What passes unchanged


def test_order_case_and_duplicates_stay_as_they_are() -> None:
    fields = [
        (b"accept", b"a"),
        (b"X-One", b"1"),
        (b"ACCEPT", b"b"),
        (b"Cookie", b"a=1"),
        (b"x-one", b"2"),
        (b"Cookie", b"b=2"),
    ]
    assert passed(inbound(*fields)) == [HOST, *fields]


def test_values_are_bytes_and_stay_so() -> None:
    fields = [
        (b"X-Latin", b"caf\xe9"),
        (b"X-Utf8", "ü".encode()),
        (b"X-Empty", b""),
        (b"X-Tab", b"a\tb"),
    ]
    assert passed(inbound(*fields)) == [HOST, *fields]


def test_host_stays_in_its_place_and_spelling() -> None:
    host = (b"hOST", b"Shop.Example:8080")
    fields = [(b"A", b"1"), host, (b"B", b"2")]
    assert passed(inbound(*fields, host=None)) == fields


@pytest.mark.parametrize("method", ["GET", "POST", "QUERY", "PURGE", "OPTIONS"])
def test_method_and_target_pass_as_they_came(method: str) -> None:
    head = head_of(inbound(method=method, target="/a%2Fb//c;d?x=%zz&y"))
    assert (head.method, head.target) == (method, b"/a%2Fb//c;d?x=%zz&y")


def test_bytes_of_a_target_that_are_no_utf8_stay_so() -> None:
    assert head_of(inbound(target="/\udcff")).target == b"/\xff"


_tokens = st.from_regex(rb"[A-Za-z][A-Za-z0-9-]{0,12}", fullmatch=True)
_values = st.from_regex(rb"[\x21-\x7e\x80-\xff]{0,12}", fullmatch=True)
_special = {
    *ADDED,
    b"host",
    b"te",
    b"upgrade",
    b"keep-alive",
    b"expect",
    b"forwarded",
}


@given(st.lists(st.tuples(_tokens.filter(lambda name: name.lower() not in _special), _values)))
def test_any_fields_without_a_meaning_to_the_gateway_pass(fields: list[FieldLine]) -> None:
    fields = [f for f in fields if not f[0].lower().startswith((b"x-forwarded-", b"http2-"))]
    assert passed(inbound(*fields)) == [HOST, *fields]
    assert response_fields(fields) == fields


# What does not pass


@pytest.mark.parametrize(
    "name", [b"Keep-Alive", b"Proxy-Connection", b"TE", b"te", b"Upgrade", b"KEEP-ALIVE"]
)
def test_hop_by_hop_fields_do_not_pass(name: bytes) -> None:
    fields = [(b"A", b"1"), (name, b"x"), (b"B", b"2")]
    assert passed(inbound(*fields)) == [HOST, (b"A", b"1"), (b"B", b"2")]
    assert response_fields(fields) == [(b"A", b"1"), (b"B", b"2")]


def test_what_connection_names_does_not_pass_either_way() -> None:
    fields = [
        (b"Connection", b"close, X-Secret"),
        (b"X-Secret", b"1"),
        (b"Other", b"2"),
        (b"connection", b" x-SECOND ,"),
        (b"X-Second", b"3"),
    ]
    assert connection_options(fields) >= {b"close", b"x-secret", b"x-second"}
    assert passed(inbound(*fields)) == [HOST, (b"Other", b"2")]
    assert response_fields(fields) == [(b"Other", b"2")]


def test_a_clients_connection_field_does_not_pass_itself() -> None:
    assert all(
        b"keep-alive" not in value
        for value in sent(inbound((b"Connection", b"keep-alive")), b"connection")
    )


@pytest.mark.parametrize("name", [b"Host", b"Content-Length"])
def test_connection_can_not_take_away_what_frames_or_routes_the_message(name: bytes) -> None:
    """With `Connection: Content-Length` the instance would read a request's body as the next head."""
    field = (name, b"shop.example" if name == b"Host" else b"5")
    fields = [(b"Connection", name), (b"Connection", name.lower()), field]
    assert field in passed(inbound(*fields, host=None if name == b"Host" else HOST))
    assert response_fields(fields) == [field]


def test_connection_can_not_take_away_what_the_gateway_says() -> None:
    names = b"Via, X-Forwarded-For, X-Forwarded-Prefix, X-Correlation-ID"
    request = inbound((b"Connection", names))
    assert sent(request, b"x-forwarded-for") == [b"198.51.100.7"]
    assert sent(request, b"via") == [b"1.1 lockgate"]
    assert sent(request, b"x-correlation-id") == [b"the-id"]


CLAIMED = [b"X-Forwarded-For", b"x-forwarded-anything", b"Content-Length", b"Transfer-Encoding"]
CLAIMED += [b"X-Correlation-ID", b"HTTP2-Settings", b"Proxy-Connection", b"KEEP-ALIVE"]
IDENTITY = [b"X-Auth-Subject", b"x-auth-scopes", b"X-AUTH-METHOD", b"X-Auth-Whatever"]
IDENTITY += [b"Client-Cert", b"client-cert-chain"]


def spellings(name: bytes) -> list[bytes]:
    """The name with `_` for each `-`, for all of them, and for the first."""
    all_of_them = name.replace(b"-", b"_")
    return [all_of_them, name.replace(b"-", b"_", 1), all_of_them.swapcase()]


@pytest.mark.parametrize("trusted", [False, True])
@pytest.mark.parametrize(
    "name", [*IDENTITY, *(other for name in [*CLAIMED, *IDENTITY] for other in spellings(name))]
)
def test_nobody_else_says_what_only_the_gateway_may_say(name: bytes, trusted: bool) -> None:
    """CGI and WSGI read `X_Forwarded_For` and `X-Forwarded-For` as the same variable."""
    request = inbound((b"A", b"1"), (name, b"1"), (name, b"2"), trusted=trusted)
    assert passed(request) == [HOST, (b"A", b"1")]
    assert request_head(request, INSTANCE).claims == 2
    assert response_fields([(name, b"1")]) == [(name, b"1")]


@pytest.mark.parametrize(
    "name",
    [
        *(b"x-amz-meta-realm_id", b"__RequestVerificationToken", b"_", b"X-A_b", b"X_Real_IP"),
        *(b"x_auth", b"X_Forwarded", b"Client_Certificate", b"content__length", b"Accept_Encoding"),
    ],
)
def test_every_other_name_with_an_underscore_passes(name: bytes) -> None:
    fields = [(name, b"caf\xe9"), (name.swapcase(), b"")]
    assert passed(inbound(*fields)) == [HOST, *fields]
    assert request_head(inbound(*fields), INSTANCE).claims == 0


@pytest.mark.parametrize("name", [b"Expect", b"HTTP2-Settings", b"http2-settings", b"EXPECT"])
def test_fields_that_are_answered_here_do_not_pass(name: bytes) -> None:
    assert passed(inbound((name, b"100-continue"))) == [HOST]


def test_a_body_in_chunks_is_sent_in_chunks() -> None:
    request = inbound((b"Transfer-Encoding", b"Chunked"), method="POST")
    assert head_of(request).chunked
    assert sent(request, b"transfer-encoding") == [b"chunked"]
    assert response_fields([(b"Transfer-Encoding", b"chunked")]) == []


def test_a_body_with_a_length_is_sent_with_it() -> None:
    request = inbound((b"Content-Length", b"5"), method="POST")
    assert not head_of(request).chunked
    assert sent(request, b"content-length") == [b"5"]


def test_the_head_is_well_formed_on_the_wire() -> None:
    wire = head_of(inbound((b"A", b"1"))).data
    assert wire.startswith(b"GET /quotes?a=1 HTTP/1.1\r\nHost: shop.example\r\nA: 1\r\n")
    assert wire.endswith(b"\r\n\r\n")
    assert wire.count(b"\r\n\r\n") == 1


# X-Forwarded-* and Forwarded

CLAIMS: list[FieldLine] = [
    (b"X-Forwarded-For", b"203.0.113.1"),
    (b"x-forwarded-for", b"203.0.113.2"),
    (b"X-Forwarded-Proto", b"https"),
    (b"X-Forwarded-Host", b"www.example"),
    (b"X-Forwarded-Prefix", b"/outer"),
    (b"X-Forwarded-Port", b"443"),
    (b"X-Forwarded-Anything", b"1"),
    (b"Forwarded", b"for=203.0.113.1"),
]


def test_a_request_says_from_whom_and_for_what_it_comes() -> None:
    request = inbound()
    assert sent(request, b"x-forwarded-for") == [b"198.51.100.7"]
    assert sent(request, b"x-forwarded-proto") == [b"http"]
    assert sent(request, b"x-forwarded-host") == [b"shop.example"]
    assert sent(request, b"x-forwarded-prefix") == [b"/api/price"]
    assert sent(request, b"x-correlation-id") == [b"the-id"]


def test_what_an_untrusted_client_claims_is_dropped_whole() -> None:
    request = inbound(*CLAIMS)
    assert passed(request) == [HOST]
    assert sent(request, b"x-forwarded-for") == [b"198.51.100.7"]
    assert sent(request, b"x-forwarded-proto") == [b"http"]
    assert sent(request, b"x-forwarded-host") == [b"shop.example"]
    assert sent(request, b"x-forwarded-prefix") == [b"/api/price"]


def test_what_a_trusted_proxy_says_is_believed_and_appended_to() -> None:
    request = inbound(*CLAIMS, trusted=True)
    assert sent(request, b"x-forwarded-for") == [b"203.0.113.1, 203.0.113.2, 198.51.100.7"]
    assert sent(request, b"x-forwarded-proto") == [b"https"]
    assert sent(request, b"x-forwarded-host") == [b"www.example"]
    assert sent(request, b"x-forwarded-prefix") == [b"/api/price"]
    assert passed(request) == [
        HOST,
        (b"X-Forwarded-Port", b"443"),
        (b"X-Forwarded-Anything", b"1"),
        (b"Forwarded", b"for=203.0.113.1"),
    ]


@pytest.mark.parametrize(
    ("claimed", "passed_on"),
    [
        ([b"203.0.113.50,"], b"203.0.113.50, 198.51.100.7"),
        ([b"203.0.113.50, ,", b"", b" , 10.0.0.2"], b"203.0.113.50, 10.0.0.2, 198.51.100.7"),
        ([b"", b", ,"], b"198.51.100.7"),
    ],
)
def test_no_empty_element_stands_before_what_is_appended(
    claimed: list[bytes], passed_on: bytes
) -> None:
    request = inbound(*[(b"X-Forwarded-For", value) for value in claimed], trusted=True)
    assert sent(request, b"x-forwarded-for") == [passed_on]


def test_a_trusted_proxy_that_says_nothing_is_the_first_in_the_chain() -> None:
    request = inbound(trusted=True)
    assert sent(request, b"x-forwarded-for") == [b"198.51.100.7"]
    assert sent(request, b"x-forwarded-proto") == [b"http"]
    assert sent(request, b"x-forwarded-host") == [b"shop.example"]


def test_the_clients_correlation_id_is_replaced_by_the_one_that_was_decided_on() -> None:
    assert sent(inbound((b"x-correlation-id", b"bad id")), b"x-correlation-id") == [b"the-id"]


# Via and loops


def test_via_is_appended_to_those_that_came() -> None:
    assert sent(inbound(), b"via") == [b"1.1 lockgate"]
    request = inbound((b"Via", b"1.0 fred"), (b"via", b"HTTP/2 edge (x)"))
    assert sent(request, b"via") == [b"1.0 fred, HTTP/2 edge (x), 1.1 lockgate"]


def test_via_says_with_which_version_the_request_came() -> None:
    assert sent(inbound(version=(1, 0)), b"via") == [b"1.0 lockgate"]


@pytest.mark.parametrize(
    "lines", [[b"1.1 lockgate"] * 4, [b"1.1 lockgate, 1.0 lockgate (x), 1.1 lockgate,1.1 lockgate"]]
)
def test_a_request_that_came_through_here_more_than_three_times_goes_in_circles(
    lines: Sequence[bytes],
) -> None:
    with pytest.raises(LoopDetected):
        head_of(inbound(*[(b"Via", line) for line in lines]))


@pytest.mark.parametrize(
    "line",
    [
        *(b", ".join([b"1.1 lockgate"] * 3),),
        *(
            b", ".join([b"1.1 other"] * 9),
            b", ".join([b"1.1 x (lockgate)"] * 9),
        ),
    ],
)
def test_three_times_and_strangers_are_no_loop(line: bytes) -> None:
    assert sent(inbound((b"Via", line)), b"via") == [line + b", 1.1 lockgate"]


def test_a_list_without_an_element_is_none() -> None:
    assert sent(inbound((b"Via", b",,,, ,")), b"via") == [b"1.1 lockgate"]


# Trace context


@pytest.mark.parametrize(
    "parents", [[], [TRACEPARENT], [b""], [b"nonsense"], [TRACEPARENT.upper()], [TRACEPARENT] * 2]
)
@pytest.mark.parametrize("more", [(), ((b"Via", b"1.0 fred"),)], ids=["quick", "careful"])
def test_who_takes_no_part_in_a_trace_passes_it_on_as_it_is(
    parents: list[bytes], more: tuple[FieldLine, ...]
) -> None:
    """An invented "not sampled" ended every trace; a span that nobody exports left a gap in each."""
    fields = [(b"Traceparent", parent) for parent in parents]
    fields += [(b"tracestate", b"a=1"), (b"TraceState", b"b=2")]
    assert passed(inbound(*fields, *more)) == [HOST, *fields]


# Host (RFC 9112 §3.2)


def test_a_request_of_http_1_0_without_a_host_gets_the_instances_own() -> None:
    """The gateway speaks HTTP/1.1 to the instance, which requires a Host."""
    request = inbound(host=None, version=(1, 0))
    assert sent(request, b"host") == [b"10.0.0.9:8002"]
    assert sent(request, b"x-forwarded-host") == []


def test_the_host_of_an_absolute_target_replaces_the_field() -> None:
    """RFC 9112 §3.2.2: the Host field is ignored then."""
    request = inbound(authority="other.example:81")
    assert sent(request, b"host") == [b"other.example:81"]
    assert sent(request, b"x-forwarded-host") == [b"other.example:81"]


@pytest.mark.parametrize("authority", ["", "user@h", "a b", "h:x", "h\udcff"])
def test_the_host_of_an_absolute_target_is_checked_too(authority: str) -> None:
    with pytest.raises(BadRequest, match="request target"):
        head_of(inbound(authority=authority))


# Upgrades

WEBSOCKET: list[FieldLine] = [(b"Connection", b"keep-alive, Upgrade"), (b"Upgrade", b"websocket")]


def test_an_upgrade_is_asked_for_again_with_its_own_fields() -> None:
    request = inbound(*WEBSOCKET, (b"Sec-WebSocket-Key", b"x"))
    head = head_of(request)
    assert head.upgrades
    assert sent(request, b"connection") == [b"Upgrade"]
    assert sent(request, b"upgrade") == [b"websocket"]
    assert (b"Sec-WebSocket-Key", b"x") in head.fields


SPDY = [(b"Connection", b"Upgrade"), (b"Upgrade", b"SPDY/3.1")]


def checked(*fields: FieldLine, method: str = "GET") -> Inbound:
    """A request whose header section has been checked, so that its body's length is known."""
    request = inbound(*fields, method=method)
    request.section.check(request.version)
    return request


@pytest.mark.parametrize("asked", [b"h2c", b"H2C", b"h2c, H2c", b"", b" , "])
def test_an_upgrade_to_http_2_in_clear_is_never_passed(asked: bytes) -> None:
    fields = [(b"Connection", b"Upgrade, HTTP2-Settings"), (b"Upgrade", asked)]
    request = inbound(*fields, (b"HTTP2-Settings", b"AAMAAABkAAQ"))
    assert not head_of(request).upgrades
    assert sent(request, b"upgrade") == []
    assert sent(request, b"http2-settings") == []


def test_of_several_protocols_only_http_2_in_clear_is_left_out() -> None:
    fields = [(b"Connection", b"upgrade"), (b"Upgrade", b"h2c, websocket"), (b"Upgrade", b"tls/1")]
    assert sent(inbound(*fields), b"upgrade") == [b"websocket, tls/1"]


@pytest.mark.parametrize(
    "request_",
    [
        inbound(*WEBSOCKET, method="POST"),
        inbound(*WEBSOCKET, version=(1, 0)),
        inbound(*SPDY, version=(1, 0)),
        checked(*WEBSOCKET, (b"Content-Length", b"5")),
        checked(*WEBSOCKET, (b"Transfer-Encoding", b"chunked")),
        checked(*SPDY, (b"Content-Length", b"5"), method="POST"),
        checked(*SPDY, (b"Transfer-Encoding", b"chunked"), method="POST"),
        inbound((b"Upgrade", b"websocket")),
        inbound((b"Connection", b"close"), (b"Upgrade", b"websocket")),
    ],
)
def test_only_a_bodyless_request_over_http_1_1_that_says_so_may_upgrade(request_: Inbound) -> None:
    assert not head_of(request_).upgrades
    assert sent(request_, b"upgrade") == []


@pytest.mark.parametrize("method", ["POST", "PUT", "OPTIONS", "DELETE"])
def test_any_method_without_a_body_may_upgrade_but_to_websocket(method: str) -> None:
    """`kubectl exec` asks for SPDY by POST (RFC 9110 §7.8 names no method)."""
    empty = (b"Content-Length", b"0")
    request = checked(*SPDY, empty, method=method)
    assert head_of(request).upgrades
    assert sent(request, b"upgrade") == [b"SPDY/3.1"]
    assert empty in head_of(request).fields

    several = [(b"Connection", b"upgrade"), (b"Upgrade", b"WebSocket, h2c, SPDY/3.1")]
    assert sent(checked(*several, method=method), b"upgrade") == [b"SPDY/3.1"]


# What is remembered


@pytest.mark.parametrize(
    "other",
    [
        {"peer": "198.51.100.8"},
        {"scheme": "https"},
        {"prefix": "/api/other"},
        {"section": HeaderSection([(b"Host", b"other.example")])},
    ],
    ids=lambda other: next(iter(other)),
)
def test_what_is_added_for_one_is_not_added_for_another(other: dict[str, Any]) -> None:
    for _ in range(2):
        for request in (inbound(), replace(inbound(), **other)):
            assert plainly(request, MET) == request_head(request, INSTANCE)


def test_what_is_remembered_of_names_and_of_what_is_added_is_bounded() -> None:
    met = sender_memory()
    plain = PlainRequests(2**16, lambda _peer: False)
    memories = (plain.fields, met)
    for memory in memories:
        memory.entries = 3

    for number in range(10):
        line = (b"X-Number-%d" % number, b"1")
        data = sent_plainly(line, met=met, plain=plain, host=b"%d.example" % number)
        assert b"X-Number-%d: 1\r\n" % number in data
        assert max(map(len, memories)) <= 3


@pytest.mark.parametrize(("longer", "is_remembered"), [(0, True), (1, False)])
def test_a_name_is_remembered_up_to_its_bound(longer: int, is_remembered: bool) -> None:
    met = sender_memory()
    plain = PlainRequests(2**16, lambda _peer: False)
    line = (b"x" * (NAME_BYTES + longer), b"v" * 5000)

    for _ in range(2):
        assert b"%b: %b\r\n" % line in sent_plainly(line, met=met, plain=plain)

    assert (line[0] in plain.fields) is is_remembered


def test_what_a_long_host_makes_is_not_remembered() -> None:
    met = sender_memory()
    host = b"x" * BLOCK_BYTES

    assert host in sent_plainly(met=met, plain=PlainRequests(2**16, lambda _peer: False), host=host)

    assert len(met) == 0
