"""What the file says of compositions, and what it says that is wrong."""

import json

import pytest

from gateway.config.file.differences import plain
from gateway.config.file.loading import read_bytes
from tests.support.configuration_files import mistakes_in

ROUTE = """\
routes:
  - name: account
    match: {path: "/account/{id}"}
    respond:
"""


def route(respond: str) -> str:
    lines = (f"      {line}\n" for line in respond.splitlines())
    return ROUTE + "".join(lines)


def parts(*lines: str) -> str:
    return route("compose:\n  parts:\n" + "".join(f"    {line}\n" for line in lines))


WHOLE = parts(
    'user: {service: user_service, path: "/users/{path.id}", timeout: 500ms}',
    "orders:",
    "  service: order_service",
    '  path: "/orders?user={parts.user./id}"',
    "  optional: true",
    "  take: /items",
    "  into: /user/orders",
    "  pass_query: [page]",
    "  pass_headers: [Set-Cookie]",
    "quote:",
    "  service: price_service",
    "  path: /quotes",
    "  method: POST",
    '  headers: {X-Plan: "{header.X-Plan}"}',
    '  body: {user: "{parts.user./id}", list: [1, null, "{subject}"]}',
)


def test_a_composition_is_read() -> None:
    assert mistakes_in(WHOLE) == []
    configuration = read_bytes(WHOLE.encode()).configuration
    assert configuration is not None
    (one,) = configuration.routes
    assert one.services == ("user_service", "order_service", "price_service")
    assert one.respond is not None
    assert one.respond.compose is not None
    found = one.respond.compose.parts
    assert found["user"].timeout_s == 0.5
    assert found["orders"].timeout_s == 5
    assert json.loads(json.dumps(plain(one.respond)))["compose"]["parts"]["quote"] == {
        "service": "price_service",
        "path": "/quotes",
        "method": "POST",
        "headers": {"X-Plan": "{header.x-plan}"},
        "body": '{"user":"{parts.user./id}","list":[1,null,"{subject}"]}',
    }


USER = 'user: {service: user_service, path: "/users/{path.id}"}'
AT = "routes[0].respond.compose"


@pytest.mark.parametrize(
    ("lines", "place", "told"),
    [
        (
            [USER, 'orders: {service: a, path: "/o?u={parts.usr./id}"}'],
            f"8:38: {AT}.parts.orders.path",
            'there is no part "usr"; did you mean "user"?',
        ),
        (
            [USER, 'orders: {service: a, path: "/o?u={parts.other./id}"}'],
            f"8:38: {AT}.parts.orders.path",
            'there is no part "other"; there are "user", "orders"',
        ),
        (
            ['a: {service: s, path: "/{parts.b./x}"}', 'b: {service: s, path: "/{parts.a./x}"}'],
            f"7:11: {AT}.parts.a",
            "waits for itself: a needs b needs a",
        ),
        (
            ['a: {service: s, path: "/{parts.a./x}"}'],
            f"7:11: {AT}.parts.a",
            "waits for itself: a needs a",
        ),
        (
            ['a: {service: s, path: "/{path.ID}"}'],
            f"7:33: {AT}.parts.a.path",
            'the match has no {path.ID}; did you mean "{path.id}"?',
        ),
        (
            ['a: {service: s, path: "/{id}"}'],
            f"7:33: {AT}.parts.a.path",
            (
                'there is no variable "{id}"; there are {client_ip}, {correlation_id}, {subject}, {service}, '
                "{version}, {method}, {claim.NAME}, {path.NAME}, {query.NAME}, {header.NAME}"
            ),
        ),
        (
            ['a: {service: s, path: "/{version}"}'],
            f"7:33: {AT}.parts.a.path",
            "{version} is not known where several services answer",
        ),
        (
            ['a: {service: s, path: "/{parts.a}"}'],
            f"7:11: {AT}.parts.a",
            "waits for itself: a needs a",
        ),
        (
            ['a: {service: s, path: "/{parts.b.id}"}'],
            f"7:33: {AT}.parts.a.path",
            "{parts.b.id}: a JSON pointer begins with /",
        ),
        (
            ['a: {service: s, path: "x"}'],
            f"7:33: {AT}.parts.a.path",
            "must be a path that begins with a slash, such as /users/{path.id}",
        ),
        (
            ['a: {service: s, path: "{path.id}"}'],
            f"7:33: {AT}.parts.a.path",
            "must be a path that begins with a slash, such as /users/{path.id}",
        ),
        (
            ['a: {service: s, path: "/a/../b"}'],
            f"7:33: {AT}.parts.a.path",
            "must have a path that all servers read alike; the path has a segment of dots",
        ),
        (
            ['a: {service: s, path: "/a b"}'],
            f"7:33: {AT}.parts.a.path",
            "must be ASCII without spaces; write them percent-encoded, such as %20",
        ),
        (
            ['a: {service: s, path: "/a#b"}'],
            f"7:33: {AT}.parts.a.path",
            "must have no #: services see no fragment",
        ),
        (
            ["a: {service: s, path: /a, body: {}}"],
            f"7:37: {AT}.parts.a.body",
            "can't stand beside method GET, which has no body",
        ),
        (
            ["a: {service: s, path: /a, method: POST, body: {x: .inf}}"],
            f"7:57: {AT}.parts.a.body",
            "JSON has no such number",
        ),
        (
            ["a: {service: s, path: /a, method: HEAD}"],
            f"7:45: {AT}.parts.a.method",
            "must be GET, POST, PUT, PATCH, DELETE or QUERY",
        ),
        (
            ["a: {service: s, path: /a, headers: {X-Auth-Subject: me}}"],
            f"7:47: {AT}.parts.a.headers.X-Auth-Subject",
            "the gateway writes X-Auth-Subject itself, and no rule changes that",
        ),
        (
            ["a: {service: s, path: /a, headers: {Accept-Encoding: gzip}}"],
            f"7:47: {AT}.parts.a.headers.Accept-Encoding",
            "a part answers with plain JSON, and the gateway asks for that",
        ),
        (
            ["a: {service: s, path: /a, pass_headers: [Vary]}"],
            f"7:52: {AT}.parts.a.pass_headers[0]",
            "the gateway makes Vary of the answers of all parts",
        ),
        (
            ["a: {service: s, path: /a, pass_headers: [ETag]}"],
            f"7:52: {AT}.parts.a.pass_headers[0]",
            "ETag is about the body of the part, and the client gets another one",
        ),
        (
            ["a: {service: s, path: /a, timeout: 0}"],
            f"7:46: {AT}.parts.a.timeout",
            "must be from 1ms to 1h",
        ),
        (
            ["a: {service: s, path: /a, into: user}"],
            f"7:43: {AT}.parts.a.into",
            "must be a JSON pointer, such as /usage/total_tokens: a JSON pointer begins with /",
        ),
        (
            ["a: {service: s, path: /a, into: /a/b/c/d/e/f/g/h/i}"],
            f"7:43: {AT}.parts.a.into",
            "must have at most 8 names",
        ),
        (
            ["a: {service: s, path: /a, optinal: true}"],
            f"7:37: {AT}.parts.a.optinal",
            'unknown key; did you mean "optional"?',
        ),
        (["a: {path: /a}"], f"7:14: {AT}.parts.a", "service is missing"),
        (
            [f"p{number}: {{service: s, path: /a}}" for number in range(21)],
            f"7:11: {AT}.parts",
            "must have 1 to 20 parts",
        ),
    ],
)
def test_what_is_wrong_with_parts(lines: list[str], place: str, told: str) -> None:
    assert mistakes_in(parts(*lines)) == [f"f:{place}: {told}"]


@pytest.mark.parametrize(
    ("respond", "mistakes"),
    [
        (
            "compose: {parts: {}}",
            ["f:5:24: routes[0].respond.compose.parts: must have 1 to 20 parts"],
        ),
        ("compose: {}", ["f:5:16: routes[0].respond.compose: parts is missing"]),
        (
            "body: a\ncompose: {parts: {a: {service: s, path: /}}}",
            [
                "f:6:7: routes[0].respond.compose: can't stand beside body: there is one of body, compose"
            ],
        ),
        (
            "status: 404\ncompose: {parts: {a: {service: s, path: /}}}",
            [
                "f:5:15: routes[0].respond.status: must be a status from 200 to 299 whose answer has a body"
            ],
        ),
        (
            'compose: {partial: "", parts: {a: {service: s, path: /}}}',
            ["f:5:26: routes[0].respond.compose.partial: must name a member, such as /errors"],
        ),
    ],
)
def test_what_is_wrong_around_them(respond: str, mistakes: list[str]) -> None:
    assert mistakes_in(route(respond)) == mistakes


def test_a_value_of_the_path_needs_a_template() -> None:
    file = parts('a: {service: s, path: "/{path.id}"}').replace(
        'path: "/account/{id}"', "prefix: /a"
    )
    assert mistakes_in(file) == [f"f:7:33: {AT}.parts.a.path: the match has no {{path.id}}"]


def test_the_service_of_a_part_is_asked() -> None:
    file = WHOLE + "services: {user_service: {concurrent: 5}}\ndiscover: false\n"
    assert mistakes_in(file) == []


@pytest.mark.parametrize(
    ("of_route", "of_service", "warned"),
    [
        ("none", "{any_of: [keys]}", True),
        ("{any_of: [keys]}", "{any_of: [keys], scopes: {all: [a]}}", True),
        ("{any_of: [keys], scopes: {all: [a]}}", "{any_of: [keys]}", False),
        ("{any_of: [keys]}", "none", False),
    ],
)
def test_a_stricter_auth_of_a_service_is_told(of_route: str, of_service: str, warned: bool) -> None:
    file = (
        parts("a: {service: s, path: /}")
        + f"    auth: {of_route}\nservices: {{s: {{auth: {of_service}}}}}\n"
        + "auth: {keys: {type: api_key}}\ndiscover: false\n"
    )
    assert mistakes_in(file) == (
        [
            (
                f"f:7:15: warning: {AT}.parts.a.service: whom the auth of services.s refuses gets its answers "
                "here: only the auth of the route holds for a composition"
            )
        ]
        if warned
        else []
    )
