"""What a right file becomes: values in one unit each, and what is absent told from what is null."""

from ipaddress import ip_network
from typing import Any

import pytest

from gateway.config.file.configuration import Configuration
from gateway.config.file.hosts import ServiceUrl
from gateway.config.file.limits import ByHeader
from gateway.config.file.loading import read_bytes
from gateway.config.file.matches import Condition
from gateway.config.file.routes import Route
from tests.support.configuration_files import mistakes_in
from tests.support.documents import blocks


def configuration(text: str) -> Configuration:
    read = read_bytes(text.encode())
    assert read.configuration is not None, [one.line("f") for one in read.mistakes]
    return read.configuration


def route(keys: str, match: str = "") -> Route:
    return configuration(f"routes: [{{name: a, match: {{{match}}}, service: b, {keys}}}]").routes[0]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("2s", 2),
        ("1.5s", 1.5),
        ("5m", 300),
        ("1h", 3600),
        ("1d", 86400),
        ("0", 0),
        ("2", 2),
        ("0.5", 0.5),
        ("'2s'", 2),
        ("0x10", 16),
        ("1e2", 100),
    ],
)
def test_a_duration_is_seconds(text: str, seconds: float) -> None:
    timeouts = route(f"timeouts: {{head: {text}}}").timeouts
    assert timeouts is not None
    assert timeouts.head_s == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "size"),
    [("64KiB", 65536), ("1MiB", 2**20), ("1GiB", 2**30), ("10B", 10), ("5", 5), ("0", 0)],
)
def test_a_size_is_bytes(text: str, size: int) -> None:
    assert route(f"max_body: {text}").max_body_bytes == size


def test_what_is_absent_is_told_from_what_is_null() -> None:
    inherits = route("timeouts: {head: 1s}")
    switched_off = route(
        "timeouts: {head: null}, limits: null, cors: null, allow: null, max_body: null"
    )

    assert "limits" not in inherits.model_fields_set
    assert {"limits", "cors", "allow", "max_body_bytes"} < switched_off.model_fields_set
    assert (switched_off.limits, switched_off.cors, switched_off.max_body_bytes) == (
        None,
        None,
        None,
    )
    assert inherits.timeouts is not None
    assert switched_off.timeouts is not None
    assert (
        inherits.timeouts.model_fields_set == switched_off.timeouts.model_fields_set == {"head_s"}
    )
    assert (inherits.timeouts.head_s, switched_off.timeouts.head_s) == (1, None)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://10.0.0.5:9000", ServiceUrl("http", "10.0.0.5", 9000)),
        ("https://Legacy.internal", ServiceUrl("https", "legacy.internal", 443)),
        ("http://[::0:1]:80", ServiceUrl("http", "::1", 80)),
        ("http://a_b", ServiceUrl("http", "a_b", 80)),
    ],
)
def test_an_address_of_a_service_is_scheme_host_and_port(text: str, url: ServiceUrl) -> None:
    service = configuration(f"services: {{a: {{urls: ['{text}']}}}}").services["a"]
    assert service.urls == (url,)


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("Shop.Example.com", "shop.example.com"),
        ("'*.Example.com'", "*.example.com"),
        ("10.0.0.1", "10.0.0.1"),
        ("'[::0:1]'", "[::1]"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("'1.10'", "1.10"),
    ],
)
def test_a_host_is_in_lower_case(text: str, host: str) -> None:
    assert route("", f"host: {text}").match.host == host


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://App.example.com:443", "https://app.example.com"),
        ("https://*.Shop.example.com", "https://*.shop.example.com"),
        ("http://*.example.com:8080", "http://*.example.com:8080"),
        ("*", "*"),
    ],
)
def test_an_origin_is_as_browsers_send_it(text: str, origin: str) -> None:
    cors = route(f"cors: {{origins: ['{text}']}}").cors
    assert cors is not None
    assert cors.origins == (origin,)


def test_addresses_are_networks() -> None:
    allow = route("allow: {from: [10.0.0.0/8, 10.6.6.6, '2001:db8::/32', '::1']}").allow
    assert allow is not None
    assert allow.sources == tuple(
        map(ip_network, ("10.0.0.0/8", "10.6.6.6/32", "2001:db8::/32", "::1/128"))
    )


def test_conditions_are_text_or_more() -> None:
    match = route(
        "", 'headers: {X-A: b, X-B: {present: true}}, query: {v: "1", w: {regex: a+}}'
    ).match
    assert match.headers == {"X-A": "b", "X-B": Condition(present=True)}
    assert match.query == {"v": "1", "w": Condition(regex="a+")}


@pytest.mark.parametrize(
    ("by", "counted"),
    [("", "client"), ("by: everyone", "everyone"), ("by: {header: X-T}", ByHeader(header="X-T"))],
)
def test_a_limit_counts_by_client_if_it_does_not_say_otherwise(by: str, counted: Any) -> None:
    limit = configuration(f"limits: {{a: {{requests: 1, window: 1m, {by}}}}}").limits["a"]
    assert limit.by == counted


@pytest.mark.parametrize(
    ("text", "segments", "names"),
    [
        ("/", (), ()),
        ("/a/b", ("a", "b"), ()),
        ("/a/", ("a",), ()),
        ("/orders/{id}", ("orders", "{id}"), ("id",)),
        ("/{a}/x/{B_2}", ("{a}", "x", "{B_2}"), ("a", "B_2")),
        ("/a%20b", ("a b",), ()),
        ("/caf%C3%A9", ("café",), ()),
        ("/café", ("café",), ()),
        ("/%7Bid%7D", ("{id}",), ()),
        ("/100%25", ("100%",), ()),
    ],
)
def test_a_path_is_taken_apart_by_segment(
    text: str, segments: tuple[str, ...], names: tuple[str, ...]
) -> None:
    path = route("", f"path: '{text}'").match.path
    assert path is not None
    assert (str(path), path.segments, path.names) == (text, segments, names)
    assert path.ends_with_slash == text.endswith("/")


@pytest.mark.parametrize(
    ("match", "rewrite"),
    [
        ("path: '/a/{id}/{x}'", "path: '/{x}/b/{id}/{x}'"),
        ("prefix: /a", "path: '/b/{rest}'"),
        ("", "path: '/b/{rest}'"),
        ("prefix: /a", "path: /b"),
        ("prefix: /a/b", "strip: /a"),
        ("path: '/a/{id}'", "strip: /a/"),
        ("path: '/a/{id}'", "strip: /"),
        ("prefix: /a", "prefix: /"),
        ("prefix: /a", "host: b"),
    ],
)
def test_a_path_is_rewritten_from_what_the_match_has(match: str, rewrite: str) -> None:
    assert route(f"rewrite: {{{rewrite}}}", match).rewrite is not None


@pytest.mark.parametrize(
    ("text", "discovered"), [("", "/api"), ("discover: false", False), ("discover: /v1/", "/v1")]
)
def test_services_are_discovered_below_a_path(text: str, discovered: object) -> None:
    assert configuration(text).discover == discovered


def test_statuses_are_ranges() -> None:
    text = "services: {a: {urls: ['http://a'], health: {path: /, statuses: [200-299, 401]}}}"
    health = configuration(text).services["a"].health
    assert health is not None
    assert health.statuses == ((200, 299), (401, 401))


def test_an_alias_stands_for_a_whole_value() -> None:
    text = """
routes:
  - {name: a, match: {prefix: /a}, service: b, timeouts: &slow {head: 1m}}
  - {name: b, match: {prefix: /b}, service: b, timeouts: *slow}
"""
    first, second = configuration(text).routes
    assert first.timeouts == second.timeouts


def test_a_configuration_can_be_compared_and_not_changed() -> None:
    text = "limits: {a: {requests: 1, window: 1m}}\ndefaults: {limits: [a]}"
    one = configuration(text)
    assert one == configuration(text)
    with pytest.raises(ValueError, match="frozen"):
        one.discover = False


def test_the_files_of_the_page_on_limits_are_right() -> None:
    found = blocks("docs/limits.md", "yaml")
    assert found
    for block in found:
        read = read_bytes(block.text.encode())
        assert read.mistakes == ()


def test_a_limit_by_subject_is_warned_of_while_nobody_is_authenticated() -> None:
    text = "limits: {a: {requests: 1, window: 1m, by: subject}}\ndefaults: {limits: [a]}"
    assert mistakes_in(text) == [
        (
            "f:1:39: warning: limits.a.by: the file has no section auth, so nobody has a subject: each request is "
            "counted by its client"
        )
    ]


@pytest.mark.parametrize("key", ["outliers", "breaker", "retries"])
def test_a_policy_without_a_value_is_warned_of_and_null_is_not(key: str) -> None:
    assert mistakes_in(f"services:\n  price:\n    {key}:\n") == [
        f"f:3:5: warning: services.price.{key}: has no value, so it does nothing; write {{}} for its defaults"
    ]
    for value in ("{}", "null"):
        assert mistakes_in(f"services:\n  price:\n    {key}: {value}\n") == []
