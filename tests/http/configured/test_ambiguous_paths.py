"""Paths that a service could read as another one, over sockets: refused for a configured route only."""

import json
from collections.abc import Callable

import pytest

from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.raw_clients import RawAnswer, exchange

FILE = """
    services: {kept: {urls: ["http://127.0.0.1:PORT"]}}
    routes:
      - {name: orders, match: {prefix: /orders}, service: kept}
      - {name: secret, match: {path: "/api/order/secret/{id}", methods: [POST]}, service: kept}
      - {name: files, match: {prefix: /files}, service: kept, paths: as_is}
"""

#: What stands behind a prefix, in each spelling of the contract.
SPELLINGS = [
    *(b".", b"..", b"a/../b", b"a/./b", b"a/..", b"./a"),
    *(b"%2e", b"%2E%2e", b".%2e", b"%2e.", b"a/%2e%2E/b", b"%2E/a"),
    *(b"/a", b"a//b", b"a///b", b"a//"),
    *(b"a%2Fb", b"a%2fb", b"%2F", b"a%5Cb", b"a%5cb", b"a\\b", b"\\..\\b"),
    *(b"a;b", b";", b"a;v=1/b", b"..;/b", b"a%3Bb", b"a%3bb"),
    *(b"a%00", b"%00", b"a%00.png"),
    *(b"a%ff", b"%c0%ae%c0%ae", b"%ed%a0%80", b"%80"),
    *(b"a%252e", b"%252E%252e", b"a%252Fb", b"a%25ff", b"a%25%32%66"),
    *(b"100%", b"a%2", b"a%zz", b"%u002e", b"%", b"%%"),
    *(b"a#b", b"#", b"#/../b"),
]
#: No target of a request has one (RFC 9112, section 3.2).
FRAGMENTS = [b"a#b", b"#", b"#/../b", b"?a#b", b"a#b?c#d"]

Form = Callable[[bytes], bytes]


def plain(target: bytes) -> bytes:
    return b"GET %b HTTP/1.1\r\nHost: h\r\n\r\n" % target


def absolute(target: bytes) -> bytes:
    return b"GET http://h%b HTTP/1.1\r\nHost: h\r\n\r\n" % target


def http_1_0(target: bytes) -> bytes:
    return b"GET %b HTTP/1.0\r\nHost: h\r\n\r\n" % target


def odd_field(target: bytes) -> bytes:
    return b"GET %b HTTP/1.1\r\nHost: h\r\nX-Odd: \xff\r\nConnection: te\r\n\r\n" % target


FORMS = [plain, absolute, http_1_0, odd_field]


def told(answer: RawAnswer) -> tuple[int, str | None]:
    if answer.values(b"Content-Type") != [b"application/problem+json"]:
        return answer.status, None
    return answer.status, json.loads(answer.body)["reason"]


async def _all(configured: Configured, prefix: bytes, form: Form) -> dict[bytes, object]:
    """What comes of each spelling: the refusal, or what the service got."""
    came: dict[bytes, object] = {}
    for spelling in SPELLINGS:
        configured.upstream.requests.clear()
        answer = await exchange(configured.gateway.port, form(prefix + spelling))
        targets = [one.target for one in configured.upstream.requests]
        came[spelling] = targets if answer.status == 200 else (*told(answer), targets)
    return came


@pytest.mark.parametrize("form", FORMS)
async def test_a_configured_route_refuses_each_spelling(
    start_configured: StartConfigured, form: Form
) -> None:
    configured = await start_configured(FILE)
    refused = (400, "ambiguous_path", [])
    came = await _all(configured, b"/orders/", form)
    assert came == dict.fromkeys(SPELLINGS, refused)


@pytest.mark.parametrize("form", FORMS)
async def test_a_route_that_takes_paths_as_they_are_passes_each_spelling(
    start_configured: StartConfigured, form: Form
) -> None:
    configured = await start_configured(FILE)
    came = await _all(configured, b"/files/", form)
    assert came == {spelling: [b"/files/" + spelling] for spelling in SPELLINGS}


@pytest.mark.parametrize("form", FORMS)
async def test_a_discovered_route_passes_what_no_configured_one_could_take(
    start_configured: StartConfigured, form: Form
) -> None:
    configured = await start_configured(FILE)
    came = await _all(configured, b"/api/order/x/", form)
    assert came == {
        spelling: (400, "bad_request", []) if b"#" in spelling else [b"/x/" + spelling]
        for spelling in SPELLINGS
    }


@pytest.mark.parametrize("form", FORMS)
async def test_below_discover_too_what_a_configured_route_could_take_is_refused(
    start_configured: StartConfigured, form: Form
) -> None:
    """Although the route takes another method: the service could take the same path by any."""
    configured = await start_configured(FILE)
    for path in (
        b"/api/order/./secret/7",
        b"/api/order//secret/7",
        b"/api/order/x/../secret/7",
        b"/api/order/x/%2e%2e/secret/7",
        b"/api/order/x/%252e%252e/secret/7",
        b"/api/order/secret%2F7",
        b"/api/order\\secret\\7",
        b"/api/order/secret;a=b/7",
        b"/api/order%5csecret/7",
    ):
        answer = await exchange(configured.gateway.port, form(path))
        assert (path, *told(answer)) == (path, 400, "ambiguous_path")
    assert configured.upstream.requests == []


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("prefix", [b"/api/order/x/", b"/none/", b"/status", b"/", b""])
async def test_a_fragment_is_refused_where_no_route_of_the_file_decides(
    start_configured: StartConfigured, form: Form, prefix: bytes
) -> None:
    configured = await start_configured(FILE)
    for fragment in FRAGMENTS:
        answer = await exchange(configured.gateway.port, form(prefix + fragment))
        assert (fragment, *told(answer)) == (fragment, 400, "bad_request")
    assert configured.upstream.requests == []


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("prefix", [b"/orders/", b"/files/"])
async def test_a_fragment_behind_a_query_is_refused_on_each_route(
    start_configured: StartConfigured, form: Form, prefix: bytes
) -> None:
    configured = await start_configured(FILE)
    for fragment in (b"?a#b", b"a#b?c#d", b"a?#"):
        answer = await exchange(configured.gateway.port, form(prefix + fragment))
        assert (fragment, *told(answer)) == (fragment, 400, "bad_request")
    assert configured.upstream.requests == []
