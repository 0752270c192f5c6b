"""URLs and cookies of a service's answer as its clients need them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.head_changes import has_marks
from middlewares.transform.deciding.locations import MARKS, Outside, relocated
from middlewares.transform.deciding.path_maps import PrefixMap

OUTSIDE = Outside(
    "https",
    "shop.example:8443",
    frozenset(["10.0.0.5:9000", "shop.example:8443", "legacy.internal"]),
    PrefixMap("", "/api/shop"),
)
SAME_PATHS = Outside(OUTSIDE.scheme, OUTSIDE.host, OUTSIDE.own_hosts, None)
AT = "https://shop.example:8443"


@pytest.mark.parametrize(
    ("url", "made"),
    [
        ("/login", "/api/shop/login"),
        ("/", "/api/shop/"),
        ("/x?next=/y#z", "/api/shop/x?next=/y#z"),
        ("/api/shop/x", "/api/shop/x"),
        ("http://10.0.0.5:9000/x?a=/b", f"{AT}/api/shop/x?a=/b"),
        ("http://10.0.0.5:9000", f"{AT}/api/shop/"),
        ("http://10.0.0.5:9000?a", f"{AT}/api/shop/?a"),
        ("HTTP://Legacy.Internal:80/x", f"{AT}/api/shop/x"),
        ("http://legacy.internal/x", f"{AT}/api/shop/x"),
        ("https://legacy.internal:443/x", f"{AT}/api/shop/x"),
        ("http://shop.example:8443/x", f"{AT}/api/shop/x"),
        (f"{AT}/api/shop/x", f"{AT}/api/shop/x"),
        ("//10.0.0.5:9000/x", "//shop.example:8443/api/shop/x"),
        # What names another host, or is relative to the path, is as right outside as it was inside.
        ("https://id.example/authorize?redirect=http://10.0.0.5:9000/x", None),
        ("http://10.0.0.5:9001/x", None),
        ("http://10.0.0.5/x", None),
        ("https://legacy.internal:80/x", None),
        ("http://10.0.0.5:9000@evil.example/x", None),
        ("http://evil.example#@10.0.0.5:9000/x", None),
        ("ftp://10.0.0.5:9000/x", None),
        ("mailto:a@b", None),
        ("x/y", None),
        ("../x", None),
        ("?a=b", None),
        ("#top", None),
        ("", None),
        ("///evil.example/x", None),
        ("http:///x", None),
        ("http://10.0.0.5:9000\\@evil.example/x", None),
    ],
)
def test_a_url_of_the_services_own_becomes_the_clients(url: str, made: str | None) -> None:
    assert OUTSIDE.url(url) == (url if made is None else made)


def test_a_path_that_begins_with_a_backslash_names_no_other_host() -> None:
    assert OUTSIDE.url("/\\evil.example") == "/api/shop/\\evil.example"


def test_a_client_that_names_no_host_gets_a_path() -> None:
    outside = Outside("http", "", frozenset(["10.0.0.5:9000"]), PrefixMap("", "/api/shop"))
    assert outside.url("http://10.0.0.5:9000/x?a") == "/api/shop/x?a"


def test_hosts_are_changed_where_paths_are_the_same() -> None:
    assert SAME_PATHS.url("http://10.0.0.5:9000/x") == f"{AT}/x"
    assert SAME_PATHS.url("/x") == "/x"


@pytest.mark.parametrize(
    ("cookie", "made"),
    [
        ("sid=1; Path=/; HttpOnly", "sid=1; Path=/api/shop; HttpOnly"),
        ("sid=1;path = /x ;Secure", "sid=1;path =/api/shop/x;Secure"),
        ("sid=1; PATH=/api/shop", None),
        ("sid=1; Path=x", None),
        ("sid=1; Path=", None),
        ("sid=1; Path", None),
        ("sid=/; Path=/", "sid=/; Path=/api/shop"),
        ("path=/x", None),
        ("sid=1", None),
        ("__Host-sid=1; Secure; Path=/", None),
        (" __host-sid=1; Secure; Path=/", None),
        ("__Secure-sid=1; Secure; Path=/", "__Secure-sid=1; Secure; Path=/api/shop"),
        ("sid=1; Domain=legacy.internal", "sid=1; Domain=shop.example"),
        ("sid=1; domain=.internal; Secure", "sid=1; domain=shop.example; Secure"),
        ("sid=1; Domain=10.0.0.5", "sid=1; Domain=shop.example"),
        ("sid=1; Domain=0.0.5", None),
        ("sid=1; Domain=shop.example", None),
        ("sid=1; Domain=.example", None),
        ("sid=1; Domain=id.other", None),
        ("sid=1; Domain=", None),
    ],
)
def test_a_cookie_holds_for_the_clients_path_and_host(cookie: str, made: str | None) -> None:
    assert OUTSIDE.cookie(cookie) == (cookie if made is None else made)


@pytest.mark.parametrize(
    ("name", "value", "made"),
    [
        (b"Location", b"/x", b"/api/shop/x"),
        (b"content-location", b"/x", b"/api/shop/x"),
        (
            b"Link",
            b'</a>; rel=next; title="</not>", <http://10.0.0.5:9000/b>; rel=prev, <c>; rel="x"',
            (
                b'</api/shop/a>; rel=next; title="</not>", <https://shop.example:8443/api/shop/b>; '
                b'rel=prev, <c>; rel="x"'
            ),
        ),
        (b"Link", b'</a>; title="</b', b'</api/shop/a>; title="</b'),
        (b"Link", b'</a>; title="\\"</b>", </c>', b'</api/shop/a>; title="\\"</b>", </api/shop/c>'),
        (b"Refresh", b"5; url=/x", b"5; url=/api/shop/x"),
        (b"Refresh", b"0;URL='/x?a;b'", b"0;URL='/api/shop/x?a;b'"),
        (b"Refresh", b'3, "/x" ', b'3, "/api/shop/x" '),
        (b"Refresh", b"5", b"5"),
        (b"Refresh", b"soon; url=/x", b"soon; url=/x"),
        (b"Set-Cookie", b"a=1; Path=/", b"a=1; Path=/api/shop"),
        (b"Location", b"/\xc3\xbc\xff", b"/api/shop/\xc3\xbc\xff"),
        (b"X-Location", b"/x", b"/x"),
    ],
)
def test_each_field_is_changed_by_its_own_grammar(name: bytes, value: bytes, made: bytes) -> None:
    assert relocated([(b"A", b"/"), (name, value)], OUTSIDE) == [(b"A", b"/"), (name, made)]


def test_a_head_without_urls_is_told_at_once() -> None:
    assert has_marks(b"200 OK\r\nDate: a\r\nLINK: b\r\n", MARKS)
    assert not has_marks(b"200 OK\r\nDate: link:\r\nX-Location: b\r\n", MARKS)


@pytest.mark.parametrize(
    "value",
    [b'"\\' * 20_000, b"<" * 40_000, b'</a>; t="' * 9_000, b"path=/" + b" " * 40_000 + b"x"],
    ids=["quotes", "brackets", "open quotes", "spaces"],
)
@pytest.mark.timeout(10)
def test_a_long_value_takes_no_long_time(value: bytes) -> None:
    for name in (b"Link", b"Location", b"Refresh", b"Set-Cookie"):
        relocated([(name, b"a=1;" + value)] * 20, OUTSIDE)


_FIELD = st.sampled_from([b"Location", b"Content-Location", b"Link", b"Refresh", b"Set-Cookie"])
#: What a reader of answers lets through.
_VALUE = st.one_of(
    st.binary(max_size=40).map(lambda raw: re.sub(rb"[\x00-\x08\x0a-\x1f\x7f]", b"", raw)),
    st.lists(
        st.sampled_from(
            [
                b"/",
                b"x",
                b"://",
                b"http",
                b"10.0.0.5:9000",
                b'"',
                b"<",
                b">",
                b"; Path=",
                b",",
                b"?",
            ]
        ),
        max_size=12,
    ).map(b"".join),
)


@given(fields=st.lists(st.tuples(_FIELD, _VALUE), max_size=5))
def test_the_number_of_lines_stays_and_what_is_done_once_is_done(
    fields: list[tuple[bytes, bytes]],
) -> None:
    once = relocated(fields, OUTSIDE)
    assert [name for name, _ in once] == [name for name, _ in fields]
    assert not any(re.search(rb"[\r\n\x00]", value) for _, value in once)
    assert relocated(fields, SAME_PATHS) == relocated(relocated(fields, SAME_PATHS), SAME_PATHS)
