"""`lockgate check-config` warns of routes that get no request."""

import pytest

from gateway.cli.unreached import with_unreached
from gateway.config.file.loading import read_bytes

MOVED = " unless ADMIN_LISTEN gives it another address"


def warnings_for(*matches: str) -> list[str]:
    routes = (
        f"- {{name: r{index}, match: {match}, service: a}}\n" for index, match in enumerate(matches)
    )
    read = with_unreached(read_bytes(f"routes:\n{''.join(routes)}".encode()))
    assert read.configuration is not None
    return [one.line("f") for one in read.mistakes]


def test_a_route_whose_requests_all_go_to_another_one_is_warned_of() -> None:
    assert warnings_for(
        "{prefix: /b, query: {a: '1'}}",
        "{path: /a, headers: {X: {present: true}}}",
        "{path: /a, headers: {X: b}}",
    ) == ["f:4:3: warning: routes[2]: gets no request: routes[1] in line 3 takes all of them"]


@pytest.mark.parametrize(
    ("match", "endpoint", "unless"),
    [
        ("{path: /health}", "/health", ""),
        ("{host: a.com, path: /ready, methods: [POST]}", "/ready", ""),
        ("{path: /status}", "/status", MOVED),
        ("{path: /services/shop}", "/services/{name}", MOVED),
        ("{path: '/services/{any}'}", "/services/{name}", MOVED),
    ],
)
def test_a_route_at_an_endpoint_of_the_gateways_is_warned_of(
    match: str, endpoint: str, unless: str
) -> None:
    assert warnings_for(match) == [
        f"f:2:3: warning: routes[0]: gets no request: the gateway's own {endpoint} comes first{unless}"
    ]


@pytest.mark.parametrize(
    "match",
    [
        "{path: /}",
        "{prefix: /status}",
        "{path: /status/}",
        "{path: '/{any}'}",
        "{path: /services/a/b}",
    ],
)
def test_a_route_that_gets_some_request_is_not(match: str) -> None:
    assert warnings_for(match) == []


def test_a_route_at_a_path_of_its_hosts_log_in_is_warned_of() -> None:
    file = """
auth: {staff: {type: oidc, issuer: "https://id.example", client_id: c}}
discover: false
defaults: {auth: none}
routes:
  - {name: app, match: {host: App.example}, service: a, auth: {any_of: [staff]}}
  - {name: taken, match: {host: app.example, path: /oidc/callback, methods: [GET]}, service: a}
  - {name: other, match: {host: open.example, path: /oidc/callback}, service: a}
"""
    read = with_unreached(read_bytes(file.encode()))
    message = "the log-in of this host answers at /oidc/callback: give this route another path"
    assert [one.line("f") for one in read.mistakes] == [f"f:7:5: warning: routes[1]: {message}"]
