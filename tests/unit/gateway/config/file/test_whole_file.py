"""What only the whole file tells."""

from pathlib import Path

import pytest

from gateway.config.file.cross_checks import never_reached
from gateway.config.file.loading import read_bytes
from gateway.config.file.odd_routes import TO_ITSELF
from tests.support.configuration_files import mistakes_in
from tests.support.example_files import read_alone


def test_what_nobody_uses_is_a_warning_and_the_file_is_right() -> None:
    read = read_bytes(b"limits: {a: {requests: 1, window: 1m}}")
    assert read.configuration is not None
    assert [one.line("f") for one in read.mistakes] == [
        "f:1:10: warning: limits.a: no route has this limit, nor have defaults"
    ]
    assert read.errors == ()


@pytest.mark.parametrize(
    ("discover", "warned"), [("/api", []), ("false", ["services.a: no route goes to this service"])]
)
def test_a_service_without_a_route_is_a_warning_where_none_is_discovered(
    discover: str, warned: list[str]
) -> None:
    text = f"discover: {discover}\nservices: {{a: {{concurrent: 1}}}}"
    assert mistakes_in(text) == [f"f:2:12: warning: {one}" for one in warned]


def test_a_broken_section_hides_no_mistake_of_another() -> None:
    text = """
routes:
  - {name: a, match: {prefix: /a}, servce: b, limits: [x]}
  - {name: a, match: {prefix: /a}, service: 5}
limits: {y: {}}
"""
    assert mistakes_in(text) == [
        'f:3:36: routes[0].servce: unknown key; did you mean "service"?',
        'f:3:56: routes[0].limits[0]: there is no limit "x"; there are "y", "default"',
        "f:4:12: routes[1].name: the name is that of routes[0] in line 3 too; choose another one",
        "f:4:15: routes[1].match: takes the very same requests as routes[0] in line 3",
        "f:4:45: routes[1].service: must be a name: a lower-case letter and up to 62 of a-z 0-9 _ -",
        "f:5:13: limits.y: lacks one of requests, concurrent, budget",
    ]


@pytest.mark.parametrize(
    "beside",
    ["name: A", "name: a, srvice: c", "name: a, timeouts: 5s", "timeouts: {head: 5s}", "name: a, max_body: 1MB"],
)  # fmt: skip
def test_a_wrong_key_hides_no_mistake_between_others_of_its_section(beside: str) -> None:
    """What the keys of a route say together was looked at only once each of them was right."""
    text = f"""routes:
- {{match: {{path: '/a/{{id}}'}}, rewrite: {{path: '/{{di}}', host: b}}, service: b, preserve_host: true, {beside}}}
"""
    told = mistakes_in(text)
    assert 'f:2:46: routes[0].rewrite.path: the match has no {di}; did you mean "{id}"?' in told
    assert any("routes[0].preserve_host: can't stand beside rewrite.host" in one for one in told)
    assert len(told) == 3


def test_what_hangs_on_a_wrong_key_is_no_mistake_of_its_own() -> None:
    assert mistakes_in("routes: [{name: a, service: b, match: {pefix: /a}, rewrite: {strip: /a}}]") == [
        'f:1:40: routes[0].match.pefix: unknown key; did you mean "prefix"?'
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("path: /a", "path: /a/"),
        ("path: /a", "prefix: /a"),
        ("path: '/{a}'", "prefix: /"),
        ("path: '/{a}'", "path: '/%7Ba%7D'"),
        ("host: a.com", "host: '*.a.com'"),
        ("methods: [GET]", "methods: [GET, HEAD]"),
        ("headers: {A: b}", "headers: {A: B}"),
        ("headers: {A: b}", "headers: {A: {present: true}}"),
        ("query: {a: b}", "query: {A: b}"),
        ("query: {a: {regex: b}}", "query: {a: {regex: b+}}"),
    ],
)
def test_matches_that_differ_are_no_mistake(one: str, other: str) -> None:
    routes = f"- {{name: a, match: {{{one}}}, service: a}}\n- {{name: b, match: {{{other}}}, service: a}}"
    assert mistakes_in(f"routes:\n{routes}\n") == []


def test_the_warning_of_a_route_that_gets_no_request_names_the_other() -> None:
    read = read_bytes(b"routes:\n- {name: a, match: {}, service: b}\n- {name: b, match: {}}")
    assert never_reached(read.root, 1, 0).line("f") == (
        "f:3:3: warning: routes[1]: gets no request: routes[0] in line 2 takes all of them"
    )


@pytest.mark.parametrize(
    ("match", "redirect", "is_told"),
    [
        ("{prefix: /a}", "{prefix: /a}", True),
        ("{prefix: /a}", "{prefix: /a/b}", True),
        ("{prefix: /}", "{path: /b}", True),
        ("{}", "{path: /b}", True),
        ('{path: "/a/{id}"}', '{path: "/a/{id}"}', True),
        ("{prefix: /a}", "{prefix: /ab}", False),
        ("{prefix: /a}", "{prefix: /b}", False),
        ("{path: /a}", "{path: /b}", False),
        ("{prefix: /a}", "{scheme: https, prefix: /a}", False),
        ("{host: a.example, prefix: /a}", "{host: b.example}", False),
    ],
)
def test_a_redirect_to_its_own_route_is_a_warning(match: str, redirect: str, is_told: bool) -> None:
    text = f"routes:\n- {{name: a, match: {match}, redirect: {redirect}}}"
    column = text.splitlines()[1].index("redirect") + 1
    told = f"f:2:{column}: warning: routes[0].redirect: {TO_ITSELF}"
    assert mistakes_in(text) == ([told] if is_told else [])


@pytest.mark.parametrize(
    ("match", "told"),
    [
        ("path: '/a/:id'", 'path: ":id" is taken as it stands; any one segment is {id}'),
        ("prefix: '/:a/b'", 'prefix: ":a" is taken as it stands; any one segment is {a} in match.path'),
        (
            "prefix: '/a*'",
            'prefix: "a*" is taken as it stands; a prefix takes all that is below it, and {name} any one segment',
        ),
        ("path: '/v1/a:cancel'", ""),
        ("path: '/%2A'", ""),
    ],
)  # fmt: skip
def test_how_other_routers_write_a_value_is_a_warning(match: str, told: str) -> None:
    text = f"routes: [{{name: a, match: {{{match}}}, service: b}}]"
    assert mistakes_in(text) == ([f"f:1:28: warning: routes[0].match.{told}"] if told else [])


@pytest.mark.parametrize(
    ("service", "closed", "is_told"),
    [
        ("a", "deny: {from: [10.0.0.0/8]}", True),
        ("a", "allow: {from: [10.0.0.0/8]}", True),
        ("a", "deny: {from: [127.0.0.1]}", False),
        ("b", "deny: {from: [10.0.0.0/8]}", False),
        ("a", "allow: null", False),
    ],
)
def test_paths_as_they_are_beside_a_closed_route_of_their_service_are_a_warning(
    service: str, closed: str, is_told: bool
) -> None:
    text = f"""routes:
- {{name: a, match: {{prefix: /a}}, service: a, paths: as_is, deny: {{from: [127.0.0.1]}}}}
- {{name: b, match: {{prefix: /b}}, service: {service}, {closed}}}
"""
    told = (
        "f:2:46: warning: routes[0].paths: a service may read such paths as those of routes[1] in line 3, "
        "whose allow and deny do not hold here"
    )
    assert mistakes_in(text) == ([told] if is_told else [])


@pytest.mark.parametrize(
    ("tls", "is_told"),
    [
        ("", True),
        ("tls: {certificates: [{certificate_file: a.pem, key_file: a.key}]}\n", False),
    ],
)
def test_a_way_by_certificates_without_tls_is_a_warning(
    tls: str, is_told: bool, tmp_path: Path
) -> None:
    text = f"auth: {{mesh: {{type: mtls, ca_file: ca.pem}}}}\n{tls}defaults: {{auth: none}}"
    file = tmp_path / "f"
    file.write_text(text)
    told = (
        "f:1:8: warning: auth.mesh: clients show certificates over TLS alone, and the file has no section "
        "tls: give it one, or set TLS_CERT_FILE"
    )
    said = [mistake.line("f") for mistake in read_alone(file).mistakes]
    assert said == ([told] if is_told else [])


@pytest.mark.parametrize(
    ("elsewhere", "route", "level"),
    [
        ("defaults: {auth: none}", "{any_of: [a]}", "defaults"),
        ("defaults: {auth: {any_of: [a, b]}}", "{any_of: [a]}", "defaults"),
        ("defaults: {auth: {any_of: [a]}}", "{any_of: [a], scopes: {all: [x]}}", "defaults"),
        ("services: {s: {auth: none}}", "{any_of: [a]}", "services.s"),
        ("defaults: {auth: {any_of: [a], shadow: true}}", "{any_of: [a]}", "defaults"),
        # As strict, or closed.
        ("defaults: {auth: {any_of: [a]}}", "{any_of: [a, b]}", None),
        ("services: {s: {auth: {any_of: [a], scopes: {all: [x]}}}}", "{any_of: [a, b]}", None),
        ("defaults: {auth: {any_of: [a]}}", "none", None),
        ("defaults: {auth: none}", "{any_of: [a], shadow: true}", None),
        ("services: {t: {auth: none}}", "{any_of: [a]}", None),
        ("discover: false\ndefaults: {auth: none}", "{any_of: [a]}", None),
    ],
)
def test_a_service_that_can_be_called_by_name_with_less_is_a_warning(
    elsewhere: str, route: str, level: str | None
) -> None:
    discovers = "" if "discover" in elsewhere else "discover: /api\n"
    text = f"""{discovers}{elsewhere}
auth: {{a: {{type: api_key}}, b: {{type: forward, url: "http://h", scopes: X-Roles}}}}
routes:
- {{name: r, match: {{prefix: /r}}, service: s, auth: {route}}}
- {{name: q, match: {{prefix: /q}}, service: s, auth: {route}}}
"""
    told = [one for one in mistakes_in(text) if "all the same" in one]
    if level is None:
        assert told == []
    else:
        (warning,) = told
        assert warning == (
            "f:5:46: warning: routes[0].auth: whom this refuses can call s below /api all the same, where the "
            f"auth of {level} holds; write a stricter one in services.s, or discover: false"
        )
