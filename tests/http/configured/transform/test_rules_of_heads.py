"""Rules for heads, from outside: what the service gets, and what the client gets."""

import json
from collections.abc import Sequence

import pytest

from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.upstreams import Received

ANSWER = b"HTTP/1.1 200 OK\r\nX-Powered-By: PHP\r\nx-old: 1\r\nServer: theirs\r\nContent-Length: 2\r\n\r\nok"
#: A field that makes the gateway read the head field by field.
CAREFUL = "X-Odd: \xff"


def one_route(rules: str, match: str = "{prefix: /}") -> str:
    return f"""
        defaults: {{limits: null}}
        routes:
          - name: r
            match: {match}
            service: order_service
            {rules}
    """


async def received(configured: Configured, path: str, *fields: str) -> Received:
    answer = await configured.ask(path, *fields)
    assert answer.status == 200, answer.body
    return configured.upstream.requests[-1]


REQUEST = one_route(
    "request: {headers: {"
    'set: {X-Tenant: "t-{header.X-Plan}", X-Client: "{client_ip}"}, '
    'add: {X-Seen: "{method} {service}"}, '
    "remove: [X-Debug], rename: {X-Old: X-New}}}"
)


@pytest.mark.parametrize("odd", [(), (CAREFUL,)], ids=["plain", "careful"])
async def test_headers_of_requests_are_set_added_removed_and_renamed(
    start_configured: StartConfigured, odd: Sequence[str]
) -> None:
    configured = await start_configured(REQUEST)
    sent = ("X-Plan: gold", "x-debug: 1", "X_Debug: 2", "x-old: a", "X-New: theirs", "X-Seen: 0")
    head = await received(configured, "/", *sent, "X-Tenant: mine", "x_tenant: mine", *odd)
    assert head.values(b"X-Tenant") == [b"t-gold"]
    assert head.values(b"x_tenant") == []
    assert head.values(b"X-Client") == [b"127.0.0.1"]
    assert head.values(b"X-Seen") == [b"0", b"GET order_service"]
    assert head.values(b"X-Debug") == head.values(b"X_Debug") == head.values(b"X-Old") == []
    assert head.values(b"X-New") == [b"a"]
    assert head.values(b"X-Plan") == [b"gold"]


@pytest.mark.parametrize("odd", [(), (CAREFUL,)], ids=["plain", "careful"])
async def test_what_would_be_set_without_a_value_is_nobodys(
    start_configured: StartConfigured, odd: Sequence[str]
) -> None:
    configured = await start_configured(REQUEST)
    head = await received(configured, "/", "X-Tenant: mine", *odd)
    assert head.values(b"X-Tenant") == []


@pytest.mark.parametrize("name", ["X-Tenant", "X-New", "X-Seen"])
async def test_connection_takes_out_nothing_that_a_rule_puts_there(
    start_configured: StartConfigured, name: str
) -> None:
    configured = await start_configured(REQUEST)
    sent = (f"Connection: {name}", "X-Plan: gold", "X-Old: a", f"{name}: mine")
    head = await received(configured, "/", *sent)
    assert head.values(name.encode()) == {
        "X-Tenant": [b"t-gold"],
        "X-New": [b"a"],
        "X-Seen": [b"GET order_service"],
    }.get(name)


async def test_what_connection_names_is_not_renamed(start_configured: StartConfigured) -> None:
    configured = await start_configured(REQUEST)
    head = await received(configured, "/", "Connection: x-old", "X-Old: a")
    assert head.values(b"X-New") == head.values(b"X-Old") == []


async def test_members_of_the_query_are_changed_and_others_stay_byte_for_byte(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(
        one_route(
            'request: {query: {set: {v: "2", who: "{header.X-Who}"}, add: {tag: "a&b"}, '
            "remove: [debug], rename: {q: query}}}"
        )
    )
    head = await received(
        configured, "/x?A=%zz+%41&d%65bug=1&q=%41+b&v=1&v=3&who=me", "X-Who: \xc3\xbc &=#"
    )
    assert head.target == b"/x?A=%zz+%41&query=%41+b&v=2&who=%C3%BC%20%26%3D%23&tag=a%26b"
    head = await received(configured, "/x?who=me")
    assert head.target == b"/x?v=2&tag=a%26b"


async def test_a_query_without_members_has_no_mark(start_configured: StartConfigured) -> None:
    configured = await start_configured(one_route("request: {query: {remove: [debug]}}"))
    assert (await received(configured, "/x?debug")).target == b"/x"
    assert (await received(configured, "/x?")).target == b"/x?"
    assert (await received(configured, "/x?&a&&b=")).target == b"/x?&a&&b="


PATH = one_route('request: {path: "/tenants/{header.X-Tenant}/{path.rest}"}', "{prefix: /shop}")


async def test_the_path_is_made_of_a_template(start_configured: StartConfigured) -> None:
    configured = await start_configured(PATH)
    head = await received(configured, "/shop/a/b%20c/?q=%41", "X-Tenant: t 1%")
    assert head.target == b"/tenants/t%201%25/a/b%20c/?q=%41"
    assert (await received(configured, "/shop", "X-Tenant: t")).target == b"/tenants/t/"


@pytest.mark.parametrize(
    ("tenant", "reason"),
    [
        (None, "bad_request"),
        ("", "bad_request"),
        ("..", "ambiguous_path"),
        (".", "ambiguous_path"),
        ("../admin", "ambiguous_path"),
        ("a/b", "ambiguous_path"),
        ("a\\b", "ambiguous_path"),
        ("a;b", "ambiguous_path"),
        ("%2e%2e", "ambiguous_path"),
    ],
)
async def test_a_value_that_makes_another_path_is_refused(
    start_configured: StartConfigured, tenant: str | None, reason: str
) -> None:
    configured = await start_configured(PATH)
    fields = () if tenant is None else (f"X-Tenant: {tenant}",)
    answer = await configured.ask("/shop/a", *fields)
    assert (answer.status, json.loads(answer.body)["reason"]) == (400, reason)
    assert configured.upstream.requests == []


async def test_values_of_the_paths_template_are_encoded(start_configured: StartConfigured) -> None:
    configured = await start_configured(
        one_route(
            'request: {path: "/v2/{path.id}", headers: {set: {X-Id: "{path.id}"}}, '
            'query: {set: {id: "{path.id}"}}}',
            '{path: "/orders/{id}"}',
        )
    )
    head = await received(configured, "/orders/a%20%C3%BC%25")
    assert head.target == b"/v2/a%20%C3%BC%25?id=a%20%C3%BC%25"
    assert head.values(b"X-Id") == ["a ü%".encode()]


async def test_headers_of_answers_are_changed(start_configured: StartConfigured) -> None:
    rules = (
        "response: {headers: {set: {X-Frame-Options: DENY, server: ours}, "
        'add: {X-Asked: "{query.a}"}, remove: [X-Powered-By], rename: {X-Old: X-New}}}'
    )
    configured = await start_configured(one_route(rules), ANSWER)
    answer = await configured.ask("/?a=%0d%0aX-Evil:%201")
    assert answer.body == b"ok"
    assert answer.values(b"X-Frame-Options") == [b"DENY"]
    assert answer.values(b"Server") == [b"ours"]
    assert answer.values(b"X-Asked") == [b"%0D%0AX-Evil: 1"]
    assert answer.values(b"X-New") == [b"1"]
    for gone in (b"X-Powered-By", b"X-Old", b"X-Evil"):
        assert answer.values(gone) == []


async def test_an_instances_connection_takes_out_nothing_that_a_rule_puts_there(
    start_configured: StartConfigured,
) -> None:
    said = (
        b"HTTP/1.1 200 OK\r\nConnection: close, X-Frame-Options, X-Hop\r\nX-Hop: 1\r\n"
        b"Content-Length: 0\r\n\r\n"
    )
    rules = "response: {headers: {set: {X-Frame-Options: DENY}}}"
    configured = await start_configured(one_route(rules), said)
    answer = await configured.ask("/")
    assert answer.values(b"X-Frame-Options") == [b"DENY"]
    assert answer.values(b"X-Hop") == []


async def test_the_most_specific_level_that_says_a_key_wins_with_all_of_it(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(
        """
        defaults:
          limits: null
          request: {headers: {set: {X-A: "1", X-B: "1"}}, query: {set: {q: "1"}}}
        services:
          order_service: {request: {headers: {set: {X-B: "2"}}}}
        routes:
          - {name: own, match: {prefix: /own}, service: order_service, request: {headers: null}}
          - {name: none, match: {prefix: /none}, service: order_service, request: null}
          - {name: rest, match: {prefix: /rest}, service: order_service}
        """
    )
    for path, expected in (
        ("/rest", ([], [b"2"], b"/rest?q=1")),
        ("/own", ([], [], b"/own?q=1")),
        ("/none", ([], [], b"/none")),
        ("/api/order/x", ([], [b"2"], b"/x?q=1")),
    ):
        head = await received(configured, path)
        assert (head.values(b"X-A"), head.values(b"X-B"), head.target) == expected


async def test_the_version_that_answered_is_told(start_configured: StartConfigured) -> None:
    rules = 'response: {headers: {set: {X-Version: "{version}"}}}'
    configured = await start_configured(one_route(rules), registers=False)
    await configured.gateway.register(
        "order_service", configured.upstream.port, health_check_url="/health", version="1.4.2"
    )
    assert (await configured.ask("/")).values(b"X-Version") == [b"1.4.2"]


async def test_answers_tell_of_the_request_as_the_client_sent_it(
    start_configured: StartConfigured,
) -> None:
    rules = """request: {headers: {rename: {X-A: X-B}, set: {X-C: "new"}}, query: {set: {q: "2"}}}
            response: {headers: {set: {X-Told: "{header.X-A} {header.X-C} {query.q}"}}}"""
    configured = await start_configured(one_route(rules))
    answer = await configured.ask("/?q=1", "X-A: a", "X-C: old")
    assert answer.values(b"X-Told") == [b"a old 1"]
