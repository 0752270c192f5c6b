"""What is not understood is a comment with its place."""

import re

import pytest

from gateway.cli.importing.importing import Kind, imported_from
from gateway.cli.importing.writing import written
from tests.unit.gateway.cli.importing.reading import FILES


def comments_of(kind: Kind, text: str) -> dict[int, str]:
    """The comments on each line."""
    made = written(imported_from(text, FILES[kind], kind), FILES[kind])
    found: dict[int, str] = {}
    for line, comment in re.findall(rf"# {re.escape(FILES[kind])}:(\d+): (.*)", made):
        found[int(line)] = f"{found.get(int(line), '')} {comment}"
    return found


@pytest.mark.parametrize(
    ("directive", "hint"),
    [
        ("proxy_cache_path /c keys_zone=x:1m;", "cache.memory is the bound"),
        ("proxy_cache_lock on;", "not needed"),
        ("proxy_cache_bypass $x;", "by Cache-Control: no-cache"),
        ("proxy_cache_max_range_offset 1;", "docs/cache.md"),
        ("gzip on;", "docs/compression.md"),
        ("ssl_certificate a.pem;", "the section tls has certificates"),
        ("proxy_http_version 1.1;", "not needed"),
        ("proxy_set_header X-Real-IP $remote_addr;", "X-Forwarded-For has the client's address"),
        ("add_header X-Frame-Options DENY;", "write `response.headers` on the route"),
        ("if ($x) { set $y 1; }", "conditions are"),
        ("unheard_of a b;", "unheard_of a b: not understood"),
        ("content_by_lua_block { return '}' }", "not understood"),
    ],
)
@pytest.mark.parametrize("where", ["http", "server", "location"])
def test_a_directive_of_nginx(directive: str, hint: str, where: str) -> None:
    lines = ["http {", "server {", "location / {", "return 404;", "}", "}", "}"]
    at = ["http", "server", "location"].index(where) + 1
    comments = comments_of("nginx", "\n".join([*lines[:at], directive, *lines[at:]]))
    assert hint in comments[at + 1]


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("hash $request_uri;", "can hash a header, a cookie or the client"),
        ("server a:1 backup;", "left out, Lockgate has no backups"),
        ("server a:1 down;", "left out, it is down"),
        ("server a:1 weight=5;", "equal shares"),
        ("server unix:/a;", "left out, Lockgate needs a host and a port"),
        ("unheard_of;", "not understood"),
    ],
)
def test_a_line_of_an_upstream(line: str, hint: str) -> None:
    comments = comments_of("nginx", f"upstream u {{\nserver b:1;\n{line}\n}}")
    assert hint in comments[3]


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("include /etc/nginx/x.conf;", "only files in the folder"),
        ("include ../x.conf;", "only files in the folder"),
        ("include **/x.conf;", "only files in the folder"),
        ("include missing.conf;", "there is no such file"),
        ("stream { }", "Lockgate passes on HTTP only"),
        ("limit_req_zone $uri zone=a:1m rate=1r/s;", "its key or rate is not understood"),
        ("limit_conn_zone $uri zone=a:1m;", "its key is not understood"),
        ("server { server_name ~^a; }", "none of its names is understood"),
    ],
)
def test_a_line_beside_servers(line: str, hint: str) -> None:
    assert hint in comments_of("nginx", f"\n{line}")[2]


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("providers", "services register themselves"),
        ("unheardOf", "unheardOf: not understood"),
        ("http: {unheardOf", "http.unheardOf: not understood"),
        ("http: {serversTransports", "http.serversTransports: not understood"),
        ("http: {services: {a: {weighted", "only a loadBalancer"),
        ("http: {services: {a: {loadBalancer: {sticky", "none of its addresses can be used"),
        ("http: {routers: {a", "not understood"),
        (
            "http: {routers: {a: {rule: Path(`/`), service: a, unheardOf",
            "unheardOf: not understood",
        ),
        ("http: {routers: {a: {rule: ClientIP(`::1`), service", "ClientIP has no counterpart"),
    ],
)
def test_a_key_of_traefik(path: str, hint: str) -> None:
    text = f"\n\n{path}: x{'}' * path.count('{')}"
    assert hint in comments_of("traefik", text)[3]


def test_a_route_that_lockgate_answers_itself_says_so() -> None:
    assert (
        "Lockgate has this path of its own"
        in comments_of("nginx", "location /health { return 403; }")[1]
    )
    assert "of its own" not in comments_of("nginx", "location /healthz { return 403; }")[1]


def test_of_two_routes_with_one_match_a_comment_names_the_first() -> None:
    comments = comments_of("nginx", "location /a { return 403; }\nlocation /a { return 404; }")
    assert "location /a: left out, it matches what location /a (nginx.conf:1) does" in comments[2]


def test_a_comment_says_where_requests_are_admitted_that_were_refused() -> None:
    comments = comments_of(
        "nginx", r"server { location ~ /\.git { deny all; } location ~ x$ { root /; } }"
    )
    assert "its requests go to other routes, which admit those that it refuses" in comments[1]
    text = "http: {routers: {a: {rule: PathRegexp(`x`), service: a, middlewares: [login]}}}"
    assert "its requests go to other routes, without login" in comments_of("traefik", text)[1]


def test_what_a_comment_repeats_stays_on_its_line() -> None:
    comments = comments_of("nginx", 'unheard_of "a\nroutes: []\u2028\x07";')
    assert comments == {1: r" unheard_of a\nroutes: []\u2028\u0007: not understood"}
