"""Any file is imported as one that check-config takes, or refused in one line."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.cli.importing.files import decoded
from gateway.cli.importing.importing import Kind, UnknownKind, imported_from, kind_of
from gateway.cli.importing.model import Unreadable
from tests.unit.gateway.cli.importing.reading import document_of

KINDS: list[Kind] = ["nginx", "compose", "traefik"]
NAMES = """
    allow deny listen server_name proxy_pass proxy_set_header return rewrite limit_req limit_req_zone add_header
    limit_conn limit_conn_zone
    client_max_body_size proxy_read_timeout proxy_connect_timeout auth_basic include default_type server internal
"""
WORDS = """
    all off on 80 443 default_server _ a.example *.example .example ~^x$ http://a:1 http://u https://u/x/ http://a:1/
    http://$x 10.0.0.0/8 ::1 301 404 200 https://$host$request_uri /new/$1 ^/a/(.*)$ ^/a$ break permanent last
    zone=z:1m rate=5r/s burst=2 $binary_remote_addr $http_x_y 10m 0 60s Host $host
    Access-Control-Allow-Origin * true backup down weight=2 /x /x/ /x/y = ^~ ~ " \\ é
"""
words = st.sampled_from(WORDS.split()) | st.text(max_size=6)
quoted = words.map(
    lambda word: (
        word if word.isalnum() else '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'
    )
)
line = st.builds(
    lambda name, args: f"{name} {' '.join(args)};",
    st.sampled_from(NAMES.split()),
    st.lists(quoted, max_size=4),
)


def block(name: str, inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda args, lines: f"{name} {' '.join(args)} {{ {' '.join(lines)} }}",
        st.lists(quoted, max_size=0 if name in ("http", "server") else 2),
        st.lists(inner, max_size=5),
    )


location = block("location", line | block("if", line) | block("location", line))
server = block("server", line | location)
upstream = st.lists(line, max_size=3).map(
    lambda lines: f"upstream u {{ server a:1; {' '.join(lines)} }}"
)
nginx = st.lists(line | server | upstream, max_size=5).map("\n".join)

KEYS = """
    http routers services middlewares r s m rule service loadBalancer servers url healthCheck path interval status
    passHostHeader entryPoints priority tls options stripPrefix prefixes addPrefix prefix replacePath redirectScheme
    scheme port permanent rateLimit average period burst ipAllowList sourceRange headers buffering chain basicAuth
    accessControlAllowOriginList accessControlAllowMethods accessControlAllowHeaders accessControlMaxAge
    maxRequestBodyBytes image ports expose labels healthcheck test target protocol
"""
VALUES = """
    Path(`/x`) Host(`a`) PathPrefix(`/a`)&&Method(`GET`) Query(`é`,`b`) s m r@file http://a:1 http://b/x /x / x true
    10 0 1s 443 https 10.0.0.0/8 * https://a.example GET X-Y 8080:80 postgres api@internal noop@internal
    traefik.http.routers.r.rule=Path(`/z`) traefik.http.routers.r.middlewares=m
"""
MIDDLEWARES = """
    stripPrefix addPrefix replacePath redirectScheme rateLimit ipAllowList headers buffering chain
"""
values = (
    st.sampled_from(VALUES.split())
    | st.text(max_size=6)
    | st.integers()
    | st.booleans()
    | st.none()
)
trees = st.recursive(
    values,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS.split()) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=25,
)


def fixed(**members: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.fixed_dictionaries({}, optional=members)


address = fixed(url=values)
balancer = fixed(
    servers=st.lists(address, min_size=1, max_size=2), healthCheck=fixed(path=values, interval=values, status=values),
    passHostHeader=values,
)  # fmt: skip
router = fixed(
    rule=values, service=values, middlewares=st.lists(values, max_size=3), entryPoints=st.lists(values, max_size=2),
    priority=values, tls=trees,
)  # fmt: skip
middleware = st.dictionaries(
    st.sampled_from(MIDDLEWARES.split()),
    st.dictionaries(
        st.sampled_from(KEYS.split()), values | st.lists(values, max_size=3), max_size=4
    ),
    max_size=2,
)
sections = fixed(
    routers=st.dictionaries(st.sampled_from("r q p"), router, max_size=3),
    services=st.dictionaries(st.sampled_from("s t"), fixed(loadBalancer=balancer), max_size=2),
    middlewares=st.dictionaries(st.sampled_from("m n"), middleware, max_size=2),
)
container = fixed(
    ports=st.lists(values, max_size=3), expose=st.lists(values, max_size=2), image=values,
    labels=st.lists(values, max_size=4) | st.dictionaries(values.map(str), values, max_size=3),
    healthcheck=fixed(test=values, interval=values), deploy=trees,
)  # fmt: skip


def as_flow(tree: object) -> str:
    """The tree in YAML's flow style."""
    if isinstance(tree, dict):
        return (
            f"{{{', '.join(f'{as_flow(str(key))}: {as_flow(one)}' for key, one in tree.items())}}}"
        )
    if isinstance(tree, list):
        return f"[{', '.join(map(as_flow, tree))}]"
    if isinstance(tree, str):
        return (
            '"'
            + "".join(f"\\U{ord(char):08x}" if not char.isalnum() else char for char in tree)
            + '"'
        )
    return "null" if tree is None else str(tree).lower()


def imported_or_refused(kind: Kind, text: str) -> None:
    """Import the text; check-config must find no mistake in what it comes to."""
    try:
        document_of(kind, text)
    except Unreadable as error:
        refused = str(error)
        place = refused.split(":")
        assert int(place[1]) >= 1
        assert int(place[2]) >= 1
        assert "\n" not in refused


SERVICES = "{s: {loadBalancer: {servers: [{url: 'http://a'}]}}}"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("nginx", "location /a/*/b { proxy_pass http://b:1; }"),
        ("nginx", "location /a { proxy_pass http://b:1/v2/*; }"),
        ("traefik", f"http: {{routers: {{true: {{rule: Path(`/x`), service: s}}}}, services: {SERVICES}}}"),
        ("compose", "services: {'null': {ports: [80]}}"),
    ],
)  # fmt: skip
def test_what_has_come_to_a_file_with_mistakes(kind: Kind, text: str) -> None:
    imported_or_refused(kind, text)


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
def test_any_bytes(kind: Kind, data: st.DataObject) -> None:
    given_bytes = data.draw(st.binary(max_size=200))
    try:
        text = decoded(given_bytes, "x")
    except Unreadable:
        return
    imported_or_refused(kind, text)


@pytest.mark.parametrize("kind", KINDS)
@given(st.text(alphabet="ab{}[]:;,&*!<#\"'\\ \n-=$`()", max_size=60))
def test_any_text(kind: Kind, text: str) -> None:
    imported_or_refused(kind, text)


@settings(max_examples=150)
@given(nginx)
@example(
    "http { upstream u { server a:1; server 80; } server { location / { proxy_pass http://u; } } }"
)
@example("http { server { location / { proxy_pass http://127.1; } } }")
def test_any_directives(text: str) -> None:
    imported_or_refused("nginx", text)


@settings(max_examples=150)
@given(sections | trees)
def test_any_tree_of_traefik(tree: object) -> None:
    imported_or_refused("traefik", as_flow({"http": tree}))


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from("ab"), container, max_size=2) | trees)
def test_any_tree_of_compose(tree: object) -> None:
    imported_or_refused("compose", as_flow({"services": tree}))


@pytest.mark.parametrize(
    "text", ["\n" * 200_000, " " * 200_000, "#" * 200_000, "a.b" * 60_000, "[" * 200_000]
)
def test_a_long_file_is_read_at_once(text: str) -> None:
    for kind in KINDS:
        imported_or_refused(kind, text)
    with pytest.raises(UnknownKind):
        kind_of(text, "-")


@pytest.mark.parametrize(
    "text",
    [
        "a.b." * 50_000 + " = 1",
        "[" + "a." * 50_000 + "b]",
        "a = " + "[" * 50_000,
        " " * 5_000 + "= 1",
    ],
)
def test_a_long_line_of_toml_is_read_at_once(text: str) -> None:
    with pytest.raises(Unreadable):
        imported_from(text, "traefik.toml", "traefik")
