"""What single directives of nginx come to."""

from typing import Any

import pytest

from gateway.cli.importing.importing import imported_from
from gateway.cli.importing.model import Unreadable
from gateway.cli.importing.writing import written
from tests.unit.gateway.cli.importing.reading import (
    Route,
    document_of,
    route_of,
    routes_of,
    services_of,
)

HTTPS = {"scheme": "https", "port": 443}
B = {"host": "b.example"}
PASS = "proxy_pass http://a:1; proxy_set_header Host $host;"


def location(text: str, *, around: str = "") -> Route:
    """The first route of a server with this."""
    return route_of("nginx", f"{around} server {{ {text} }}")


@pytest.mark.parametrize(
    ("modifier", "match"),
    [
        ("/", {"prefix": "/"}),
        ("/api", {"prefix": "/api"}),
        ("/api/", {"prefix": "/api"}),
        ("= /api", {"path": "/api"}),
        ("=/api", {"path": "/api"}),
        ("= /api/", {"path": "/api/"}),
        ("^~ /api/", {"prefix": "/api"}),
        ("~ ^/api", {"prefix": "/api"}),
        ("~ ^/api/.*$", None),
        ("~ ^/api/(.*)$", {"prefix": "/api"}),
        (r"~ ^/a\.b$", {"path": "/a.b"}),
        ("~ /api", None),
        ("~ ^/api/[0-9]+$", None),
        ("~* ^/api$", None),
        ("/a/../b", None),
        ("/a;b", None),
        ('"/a b"', None),
        ("/a{id}", None),
        ("@named", None),
    ],
)
def test_a_location_matches_what_nginx_does_or_is_left_out(
    modifier: str, match: dict[str, str] | None
) -> None:
    if "{" in modifier:
        modifier = f'"{modifier}"'
    found = routes_of("nginx", f"server {{ location {modifier} {{ {PASS} }} }}")
    assert [one["match"] for one in found] == ([match] if match else [])


@pytest.mark.parametrize(
    ("path", "uri", "rewrite"),
    [
        ("/", "", None),
        ("/", "/", None),
        ("/", "/v2/", {"prefix": "/v2"}),
        ("/api/", "", None),
        ("/api/", "/", {"strip": "/api"}),
        ("/api/", "/v2/", {"prefix": "/v2"}),
        ("/api/", "/api/", None),
        ("/api", "/v2", {"prefix": "/v2"}),
        ("= /api", "/v2", {"path": "/v2"}),
        ("= /api", "/api", None),
        ("= /api", "/", {"path": "/"}),
        ("/api/", "$request_uri", None),
    ],
)
def test_the_uri_of_proxy_pass_takes_the_place_of_what_matched(
    path: str, uri: str, rewrite: dict[str, str] | None
) -> None:
    text = f"location {path} {{ proxy_pass http://a:1{uri}; proxy_set_header Host $host; }}"
    assert location(text).get("rewrite") == rewrite


@pytest.mark.parametrize(
    ("path", "rewrite", "expected"),
    [
        ("/api/", r"^/api/(.*)$ /$1 break", {"strip": "/api"}),
        ("/api/", r"^/api/?(.*)$ /$1 break", {"strip": "/api"}),
        ("/api", r"^/api(/.*)$ $1 break", {"strip": "/api"}),
        ("/api/", r"^/api/(.*)$ /v2/$1 break", {"prefix": "/v2"}),
        ("/", r"^/(.*)$ /v2/$1 break", {"prefix": "/v2"}),
        ("= /a", r"^/a$ /b break", {"path": "/b"}),
        ("/api/", r"^/api/(.*)$ /$1 last", None),
        ("/api/", r"^/api/(.*)$ /$1", None),
        ("/api/", r"^/other/(.*)$ /$1 break", None),
        ("/api/", r"^/api/([0-9]+)$ /$1 break", None),
    ],
)
def test_a_simple_rewrite_is_one_of_ours(
    path: str, rewrite: str, expected: dict[str, str] | None
) -> None:
    found = location(f"location {path} {{ rewrite {rewrite}; {PASS} }}")
    assert found.get("rewrite") == expected
    assert found["service"] == "a_1"


@pytest.mark.parametrize(
    ("text", "redirect"),
    [
        ("return 301 https://$host$request_uri;", {**HTTPS, "status": 301}),
        ("return http://b.example:81/;", {**B, "scheme": "http", "port": 81, "path": "/", "status": 302}),
        ("return https://b.example;", {**HTTPS, **B, "path": "/", "status": 302}),
        ("return 308 /new;", {"path": "/new", "status": 308}),
        ("return 301 /new$request_uri;", {"prefix": "/new/old", "status": 301}),
        ("return 301 $scheme://b.example$request_uri;", {**B, "status": 301}),
        ("rewrite ^/old/(.*)$ /new/$1 permanent;", {"prefix": "/new", "status": 301}),
        ("rewrite ^/old/(.*)$ https://b.example/$1;", {**HTTPS, **B, "prefix": "/", "status": 302}),
        ("rewrite ^ https://b.example$request_uri permanent;", {**HTTPS, **B, "status": 301}),
        ("return 301 /new/$arg_x;", None),
        ("return 301 https://$http_x/;", None),
        ("return 301 /a?b=c;", None),
        ("rewrite ^/old/(.*)/(.*)$ /$2/$1 permanent;", None),
    ],
)  # fmt: skip
def test_what_leads_away_is_a_redirect(text: str, redirect: dict[str, object] | None) -> None:
    found = routes_of("nginx", f"server {{ location /old/ {{ {text} }} }}")
    assert [one.get("redirect") for one in found] == ([redirect] if redirect else [])


@pytest.mark.parametrize(
    ("text", "respond"),
    [
        ("return 200 ok;", {"status": 200, "headers": {"Content-Type": "text/plain"}, "body": "ok"}),
        ("return 404;", {"status": 404}),
        ("return 444;", {"status": 404}),
        ("return 204 x;", {"status": 204}),
        ('default_type "application/json"; return 200 "{}";',
         {"status": 200, "headers": {"Content-Type": "application/json"}, "body": "{}"}),
        ("deny all;", {"status": 403}),
        ("internal; root /x;", {"status": 404}),
        ("return 200 $host;", None),
        ("return 999;", None),
        ("root /x;", None),
        ("proxy_pass http://$backend;", None),
        ("proxy_pass http://unix:/a;", None),
        ("fastcgi_pass a:1;", None),
    ],
)  # fmt: skip
def test_what_nginx_answers_itself_is_an_answer(
    text: str, respond: dict[str, object] | None
) -> None:
    found = routes_of("nginx", f"server {{ location /x/ {{ {text} }} }}")
    assert [one.get("respond") for one in found] == ([respond] if respond else [])


@pytest.mark.parametrize(
    ("lines", "allow", "deny"),
    [
        ("allow 10.0.0.0/8; deny all;", ["10.0.0.0/8"], None),
        ("deny 10.0.0.1; allow all;", None, ["10.0.0.1"]),
        ("deny 10.0.0.1;", None, ["10.0.0.1"]),
        ("deny 10.0.0.1; allow 10.0.0.0/8; deny all;", ["10.0.0.0/8"], ["10.0.0.1"]),
        ("allow 10.0.0.0/8; deny 10.0.0.1; deny all;", ["10.0.0.0/8"], None),
        ("allow 10.0.0.1;", None, None),
        ("allow 10.0.0.1/8; allow ::1; deny all;", ["10.0.0.0/8", "::1"], None),
        ("deny all;", None, ["0.0.0.0/0", "::/0"]),
        ("allow 10.0.0.1; deny 10.0.0.0/8;", None, ["0.0.0.0/0", "::/0"]),
        (
            "allow 10.0.0.1; deny 10.0.0.0/8; allow 10.0.0.0/7; deny all;",
            None,
            ["0.0.0.0/0", "::/0"],
        ),
        ("allow unix:; deny all;", None, ["0.0.0.0/0", "::/0"]),
        ("allow office.example; deny all;", None, ["0.0.0.0/0", "::/0"]),
    ],
)
@pytest.mark.parametrize("inside", [True, False])
def test_address_lists_admit_nobody_whom_nginx_refuses(
    lines: str, allow: list[str] | None, deny: list[str] | None, inside: bool
) -> None:
    text = f"location / {{ {lines} {PASS} }}" if inside else f"{lines} location / {{ {PASS} }}"
    found = location(text)
    assert found.get("allow") == (allow and {"from": allow})
    assert found.get("deny") == (deny and {"from": deny})


@pytest.mark.parametrize(
    "text",
    [
        "auth_basic Staff;",
        "auth_request /auth;",
        "auth_jwt x;",
        "satisfy any;",
        "limit_except GET { deny all; }",
        "if ($http_x != y) { return 403; }",
        "if ($x) { return 444; }",
        "access_by_lua_block { if a then b({}) end }",
        "ssl_verify_client on;",
    ],
)
@pytest.mark.parametrize("where", ["http", "server", "location"])
def test_what_restricts_access_and_is_not_understood_closes_the_route(
    text: str, where: str
) -> None:
    inner = f"location / {{ {text if where == 'location' else ''} {PASS} }}"
    server = f"server {{ {text if where == 'server' else ''} {inner} }}"
    found = route_of("nginx", f"http {{ {text if where == 'http' else ''} {server} }}")
    assert found["deny"] == {"from": ["0.0.0.0/0", "::/0"]}


@pytest.mark.parametrize("text", ["auth_basic off;", "satisfy all;", "auth_request off;"])
def test_what_restricts_nothing_closes_nothing(text: str) -> None:
    assert "deny" not in location(
        f"auth_basic Staff; location / {{ auth_basic off; {text} {PASS} }}"
    )


@pytest.mark.parametrize(
    ("header", "keys"),
    [
        ("proxy_set_header Host $host;", {}),
        ("proxy_set_header host $http_host;", {}),
        ("proxy_set_header Host b.example;", {"rewrite": {"host": "b.example"}}),
        ("", {"preserve_host": False}),
        ("proxy_set_header Host $proxy_host;", {"preserve_host": False}),
        ("proxy_set_header Host $http_x;", {"preserve_host": False}),
        ("proxy_set_header X-Other y;", {"preserve_host": False}),
    ],
)
def test_the_service_gets_the_host_that_nginx_sends(header: str, keys: dict[str, object]) -> None:
    found = location(f"location / {{ proxy_pass http://a:1; {header} }}")
    assert {key: found[key] for key in ("rewrite", "preserve_host") if key in found} == keys


def test_headers_are_inherited_only_by_a_location_without_its_own() -> None:
    text = "proxy_set_header Host $host; location / { proxy_pass http://a:1; %s }"
    assert "preserve_host" not in location(text % "")
    assert location(text % "proxy_set_header X y;")["preserve_host"] is False


@pytest.mark.parametrize(
    ("text", "size"),
    [("10m", "10MiB"), ("64K", "64KiB"), ("1g", "1GiB"), ("1000", 1000), ("0", None), ("x", None)],
)
def test_a_body_has_the_size_that_nginx_takes(text: str, size: object) -> None:
    found = location(f"client_max_body_size {text}; location / {{ {PASS} }}")
    assert found.get("max_body") == size


@pytest.mark.parametrize(
    ("text", "cache"),
    [
        ("proxy_cache x;", {}),
        ("proxy_cache off;", None),
        ("proxy_cache_valid 10m;", None),
        ("proxy_cache x; proxy_cache_valid 10m;", {"default_ttl": "10m"}),
        ("proxy_cache x; proxy_cache_valid any 1h;", {"default_ttl": "1h"}),
        ("proxy_cache x; proxy_cache_valid 200 302 40d;", {"default_ttl": "40d"}),
        ("proxy_cache x; proxy_cache_valid 200 25h;", {"default_ttl": 90000}),
        ("proxy_cache x; proxy_cache_valid 200 2y;", {}),
        ("proxy_cache x; proxy_cache_valid 404 1m;", {}),
        ("proxy_cache x; proxy_cache_use_stale off;", {}),
        ("proxy_cache x; proxy_cache_use_stale updating;", {"stale_while_revalidate": "10m"}),
        ("proxy_cache x; proxy_cache_use_stale error http_500;", {"stale_if_error": "10m"}),
    ],
)
def test_a_cache_has_the_times_that_nginx_has(text: str, cache: object) -> None:
    assert location(f"{text} location / {{ {PASS} }}").get("cache") == cache


def test_a_location_without_a_service_has_no_cache() -> None:
    assert "cache" not in location("proxy_cache x; location / { return 200 here; }")


def test_what_nginx_keeps_and_our_file_does_not_say_is_told() -> None:
    text = "proxy_cache x; proxy_cache_valid 404 1m; proxy_cache_use_stale error;"
    made = written(imported_from(f"server {{ {text} location / {{ {PASS} }} }}", "n", "nginx"), "n")
    assert "proxy_cache_valid 404 1m: default_ttl is the same for all statuses" in made
    assert "nginx serves stale answers for as long as it keeps them" in made


def test_of_the_servers_only_those_at_one_port_are_imported() -> None:
    """A server at a port of its own may be meant for the inside alone."""
    found = routes_of(
        "nginx",
        f"server {{ listen 80; server_name a; location / {{ {PASS} }} }}"
        f"server {{ listen 9000; location / {{ {PASS} }} }}"
        f"server {{ listen 127.0.0.1:80; location / {{ {PASS} }} }}"
        f"server {{ listen [::]:443 ssl; server_name b; location / {{ {PASS} }} }}",
    )
    assert [one["match"].get("host") for one in found] == ["a", "b"]


@pytest.mark.parametrize(
    "text",
    [
        "return 301 https://$host$request_uri;",
        "location / { return 301 https://$server_name$request_uri; }",
        "if ($host = a) { return 301 https://$host$request_uri; } return 404;",
    ],
)
def test_a_server_that_only_leads_to_https_stands_back(text: str) -> None:
    http = f"server {{ listen 80; server_name a; {text} }}"
    https = f"server {{ listen 443 ssl; server_name a; location / {{ {PASS} }} }}"
    (found,) = routes_of("nginx", http + https)
    assert found["service"] == "a_1"


def test_the_paths_of_a_host_do_not_go_to_routes_without_a_host() -> None:
    found = routes_of(
        "nginx",
        f"server {{ server_name a.example; location /x {{ {PASS} }} }}"
        f"server {{ listen 80 default_server; location / {{ {PASS} }} }}",
    )
    rest = next(one for one in found if one["match"] == {"host": "a.example", "prefix": "/"})
    assert rest["respond"] == {"status": 404}


def test_a_location_that_is_left_out_does_not_go_to_a_wider_one() -> None:
    found = routes_of(
        "nginx", f"server {{ location / {{ {PASS} }} location /files/ {{ root /x; }} }}"
    )
    assert found[1]["match"] == {"prefix": "/files"}
    assert found[1]["respond"] == {"status": 404}


def test_of_two_locations_with_one_match_the_longer_one_is_taken() -> None:
    text = "location /a { return 403; } location /a/ { return 404; }"
    (found,) = routes_of("nginx", f"server {{ {text} }}")
    assert found["respond"] == {"status": 404}


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("server {", 'nginx.conf:1:1: the "{" of "server" is not closed'),
        ("server { listen 80 }", 'nginx.conf:1:10: "listen" lacks a ";" at its end'),
        ("server { }\n }", 'nginx.conf:2:2: this "}" has no "{"'),
        ("user a;\nuser 'b;", "nginx.conf:2:6: this quote is not closed"),
        ("user a", 'nginx.conf:1:1: "user" lacks a ";" at its end'),
        ("user a;;", 'nginx.conf:1:8: there is no directive before ";"'),
        ("{ }", 'nginx.conf:1:1: there is no directive before "{"'),
        ("a\\", "nginx.conf:1:2: a backslash ends the file"),
        ("x_by_lua_block {", 'nginx.conf:1:16: this "{" is not closed'),
        ("a { " * 40 + "}" * 40, "nginx.conf:1:131: there are more than 32 levels"),
        ("a;" * 20_001, "nginx.conf:1:40002: there are more than 20,000 directives"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, mistake: str) -> None:
    with pytest.raises(Unreadable) as error:
        routes_of("nginx", text)
    assert str(error.value) == mistake


@pytest.mark.parametrize(
    ("line", "by"),
    [
        ("", None),
        ("random two;", None),
        ("least_conn;", "least_request"),
        ("ip_hash;", {"hash": "client"}),
        ("hash $binary_remote_addr consistent;", {"hash": "client"}),
        ("hash $http_x_user;", {"hash": {"header": "X-User"}}),
        ("hash $cookie_sid consistent;", {"hash": {"cookie": "sid"}}),
    ],
)
def test_the_balance_of_an_upstream(line: str, by: Any) -> None:
    text = f"upstream u {{ {line} server a:1; server b:1; }} server {{ location / {{ proxy_pass http://u; }} }}"
    (service,) = services_of("nginx", text).values()
    assert service.get("balance", {}).get("by") == by


def test_requests_in_flight_are_limited_by_a_zone_and_a_number() -> None:
    zones = "limit_conn_zone $binary_remote_addr zone=addr:10m; limit_conn_zone $http_x_tenant zone=t:1m;"
    inner = f"limit_conn addr 10; location / {{ {PASS} }} location /b {{ limit_conn t 2; {PASS} }}"
    document = document_of("nginx", f"{zones} server {{ {inner} }}")
    assert document["limits"] == {
        "addr": {"concurrent": 10},
        "t": {"concurrent": 2, "by": {"header": "X-Tenant"}},
    }
    routes = {one["match"]["prefix"]: one["limits"] for one in document["routes"]}
    assert routes == {"/": ["addr"], "/b": ["t"]}


@pytest.mark.parametrize("line", ["limit_conn addr;", "limit_conn addr $n;", "limit_conn other 5;"])
def test_a_limit_of_requests_in_flight_that_is_not_understood_is_left_out(line: str) -> None:
    zone = "limit_conn_zone $binary_remote_addr zone=addr:10m;"
    assert "limits" not in location(f"{line} location / {{ {PASS} }}", around=zone)
