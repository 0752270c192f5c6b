"""What a request asks of the cache."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.forwarding import requests
from middlewares.cache.deciding.asked import Asked, Bypass
from middlewares.cache.deciding.asking import Asker, Askers
from middlewares.cache.deciding.head_plans import PSEUDONYM
from middlewares.cache.deciding.keys import route_fingerprint
from middlewares.cache.deciding.request_fields import without_addresses
from middlewares.cache.entry import Entry, Freshness
from middlewares.cache.policy import CachePolicy
from middlewares.head_changes import HeadChanges
from middlewares.header_section import HeaderSection, ReadSection
from middlewares.hygiene.deciding import FieldLine

ROUTE = route_fingerprint("shop", "shop_service")
HOST = b"shop.example"


@dataclass
class Someone:
    key: str = "subject:1"
    sent_lines: bytes = b"X-Auth-Subject: one\r\n"


def asker(**settings: Any) -> Asker:
    return Askers().of(ROUTE, CachePolicy(**settings))


def section_of(*fields: FieldLine) -> HeaderSection:
    section = HeaderSection([(b"Host", HOST), *fields])
    section.check((1, 1))
    return section


def asked(
    *fields: FieldLine,
    target: str = "/a",
    method: str = "GET",
    settings: Mapping[str, Any] | None = None,
    host: bytes = HOST,
    scheme: str = "http",
    **more: Any,
) -> Asked:
    found = asker(**settings or {}).ask(method, section_of(*fields), target, host, scheme, **more)
    assert isinstance(found, Asked), found
    return found


def bypassed(*fields: FieldLine, method: str = "GET", **more: Any) -> str:
    found = asker().ask(method, section_of(*fields), "/a", HOST, "http", **more)
    assert isinstance(found, Bypass)
    return found.why


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get", "PURGE"])
def test_other_methods_have_no_part_in_it(method: str) -> None:
    assert bypassed(method=method) == "method"


def test_a_get_with_a_body_has_no_part_in_it() -> None:
    assert bypassed((b"Content-Length", b"3")) == "body"
    assert bypassed((b"Transfer-Encoding", b"chunked"), method="HEAD") == "body"
    assert asked((b"Content-Length", b"0")).key == asked().key


def test_a_query_has_its_body_in_the_key() -> None:
    assert bypassed(method="QUERY") == "body"
    keys = {
        asked(method="QUERY", body=b"a").key,
        asked(method="QUERY", body=b"b").key,
        asked(method="QUERY", body=b"").key,
        asked((b"Content-Type", b"text/plain"), method="QUERY", body=b"a").key,
        asked((b"Content-Encoding", b"gzip"), method="QUERY", body=b"a").key,
        asked().key,
    }
    assert len(keys) == 6


def test_an_upgrade_has_no_part_in_it() -> None:
    upgrade = ((b"Connection", b"Upgrade"), (b"Upgrade", b"websocket"))
    assert bypassed(*upgrade) == "upgrade"
    assert bypassed(*reversed(upgrade)) == "upgrade"
    assert (
        asked((b"Connection", b"Upgrade, HTTP2-Settings"), (b"Upgrade", b"h2c")).key == asked().key
    )


def test_a_client_that_wants_nothing_stored_is_left_alone() -> None:
    assert bypassed((b"Cache-Control", b"no-store")) == "no-store"


@pytest.mark.parametrize("name", [b"If-Match", b"If-Unmodified-Since"])
def test_only_the_service_knows_whether_a_precondition_holds(name: bytes) -> None:
    assert bypassed((name, b'"a"')) == "precondition"


@pytest.mark.parametrize(
    "fields",
    [
        [(b"Cache-Control", b"no-store, only-if-cached")],
        [(b"Cache-Control", b"only-if-cached"), (b"If-Match", b'"a"')],
        [(b"Cache-Control", b"only-if-cached"), (b"If-Unmodified-Since", b"now")],
        [(b"Cache-Control", b"only-if-cached"), (b"Upgrade", b"x"), (b"Connection", b"upgrade")],
    ],
)
def test_who_wants_only_what_is_kept_is_never_sent_on(fields: list[FieldLine]) -> None:
    assert bypassed(*fields) == "only-if-cached"


@pytest.mark.parametrize("settings", [{}, {"vary_headers": frozenset([b"*"])}])
@pytest.mark.parametrize("name", [b"Content-Type", b"Content-Encoding", b"Content-Language"])
def test_what_the_body_of_a_query_is_is_in_its_key(
    name: bytes, settings: Mapping[str, Any]
) -> None:
    keys = {
        asked(*fields, method="QUERY", body=b"a", settings=settings).key
        for fields in ([], [(name, b"a")], [(name, b"b")])
    }
    assert len(keys) == 3


def test_a_field_with_a_name_without_end_is_in_the_key() -> None:
    one = asker()
    head = section_of((b"a" * 60_000, b"1"))
    other = section_of((b"a" * 60_000, b"2"))
    keys = set()
    for section in (head, other, section_of()):
        found = one.ask("GET", section, "/a", HOST, "http")
        assert isinstance(found, Asked)
        keys.add(found.key)
    assert len(keys) == 3


def test_head_has_the_key_of_get() -> None:
    assert asked(method="HEAD").key == asked().key


def test_all_that_it_was_routed_by_is_in_the_key() -> None:
    keys = {
        asked().key,
        asked(target="/b").key,
        asked(target="/a?").key,
        asked(target="/a?b").key,
        asked(host=b"other.example").key,
        asked(host=b"shop.example:81").key,
        asked(scheme="https").key,
        asked(settings={"by": "subject"}, identity=Someone()).key,
    }
    assert len(keys) == 8
    other = Askers().of(route_fingerprint("shop", "other"), CachePolicy())
    found = other.ask("GET", section_of(), "/a", HOST, "http")
    assert isinstance(found, Asked)
    assert found.key not in keys


@pytest.mark.parametrize(
    "field",
    [
        (b"Cookie", b"a=1"),
        (b"Origin", b"https://evil.example"),
        (b"X-Anything", b"1"),
        (b"x-http-method-override", b"DELETE"),
        (b"X_Plan", b"gold"),
        (b"Accept_Encoding", b"gzip"),
        (b"Accept-Version", b"2"),
        (b"Content-Type", b"text/plain"),
        (b"CF-Connecting-IP", b"192.0.2.1"),
        (b"Fastly-Client-IP", b"192.0.2.1"),
        (b"True-Client-Ip", b"192.0.2.1"),
        (b"Front-End-Https", b"on"),
        (b"Request-Uri", b"/admin"),
        (b"Tenant", b"one"),
        (b"Prefer", b"return=minimal"),
        (b"X-Request-ID", b"<script>"),
        (b"User-Agent", b"a" * 4000),
    ],
)
def test_what_a_service_may_answer_by_is_in_the_key(field: FieldLine) -> None:
    name, value = field
    one = asked(field)
    assert one.key != asked().key
    assert one.key == asked((name.upper(), value)).key
    assert field in one.fields


@pytest.mark.parametrize(
    "field",
    [
        (b"Accept", b"text/html"),
        (b"Accept-Encoding", b"gzip"),
        (b"User-Agent", b"curl"),
        (b"Sec-Fetch-Mode", b"navigate"),
        (b"Referer", b"https://example.com/"),
        (b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        (b"X-Request-ID", b"2f0c1a"),
        (b"Foo", b"1"),
        (b"Cache-Control", b"no-cache"),
        (b"Pragma", b"no-cache"),
    ],
)
def test_what_http_leaves_to_vary_is_not_in_the_key(field: FieldLine) -> None:
    assert asked(field).key == asked().key
    assert field in asked(field).fields


@pytest.mark.parametrize(
    "field",
    [
        (b"If-None-Match", b'"a"'),
        (b"Range", b"bytes=0-1"),
        (b"If-Range", b'"a"'),
        (b"TE", b"trailers"),
        (b"Via", b"1.1 other"),
        (b"X-Forwarded-For", b"192.0.2.1"),
        (b"X-Forwarded-Host", b"evil.example"),
        (b"X_Forwarded_Host", b"evil.example"),
        (b"X-Auth_Subject", b"root"),
        (b"Transfer_Encoding", b"chunked"),
        (b"Forwarded", b"host=evil.example"),
        (b"X-Auth-Subject", b"root"),
        (b"Client-Cert", b":aa:"),
        (b"X-Request-Timeout", b"1"),
        (b"Expect", b"100-continue"),
    ],
)
def test_what_no_shared_request_has_is_not_in_the_key(field: FieldLine) -> None:
    assert asked(field).key == asked().key
    assert field not in asked(field).fields


def test_what_a_trusted_proxy_says_is_in_the_key_but_for_addresses() -> None:
    host = (b"X-Forwarded-Host", b"www.example")
    assert asked(host, trusted=True).key != asked(trusted=True).key
    one = asked((b"Forwarded", b'for="[2001:db8::1]";host=a, for=192.0.2.1'), trusted=True)
    same = asked((b"Forwarded", b"for=192.0.2.9;host=a, for=192.0.2.7"), trusted=True)
    other = asked((b"Forwarded", b"for=192.0.2.9;host=b, for=192.0.2.7"), trusted=True)
    assert one.key == same.key
    assert one.key != other.key


def test_a_request_that_comes_again_is_another_one() -> None:
    once = asked((b"Via", b"1.0 other, 1.1 lockgate (x), 1.1 lockgates"))
    twice = asked((b"Via", b"1.1 lockgate"), (b"via", b"1.1 other,1.1 lockgate"))
    assert len({asked().key, once.key, twice.key}) == 3
    assert once.fields[-1] == (b"Via", b"1.1 lockgate")
    assert twice.fields[-1] == (b"Via", b"1.1 lockgate, 1.1 lockgate")
    assert PSEUDONYM.decode() == requests.PSEUDONYM


def test_addresses_are_taken_out_of_forwarded() -> None:
    assert without_addresses(b'For="[::1]:8";proto=http ; BY=_x,for=a') == b"proto=http ,"


def test_lines_of_one_name_keep_their_number_and_order() -> None:
    a, b = (b"X-A", b"1"), (b"X-A", b"2")
    keys = {asked(*lines).key for lines in ((a,), (b,), (a, b), (b, a), (a, a), (a, b, a))}
    keys.add(asked((b"X-A", b"1, 2")).key)
    assert len(keys) == 7
    c = (b"X-B", b"1")
    assert asked(a, c).key == asked(c, a).key


def test_what_connection_names_is_seen_by_nobody() -> None:
    tenant = (b"X-Tenant", b"victim")
    hidden = asked(tenant, (b"Connection", b"close, x-tenant"))
    assert hidden.key == asked().key
    assert tenant not in hidden.fields
    twice = asked((b"Connection", b"TE"), tenant, (b"Connection", b"X-Tenant"))
    assert twice.key == asked().key
    assert asked((b"Connection", b"host, content-length")).key == asked().key


def test_ignored_members_and_fields_are_in_no_key_and_not_sent() -> None:
    settings = {
        "ignore_query": frozenset([b"utm_source"]),
        "ignore_headers": frozenset([b"x-debug", b"range"]),
    }
    one = asked(
        *((b"X-Debug", b"1"), (b"Range", b"bytes=0-1")),
        target="/a?utm_source=x;q=2&b=1&utm%5Fsource=y",
        settings=settings,
    )
    other = asked(target="/a?b=1", settings=settings)
    assert one.key == other.key
    assert one.target == other.target == "/a?b=1"
    assert one.fields == other.fields
    assert one.conditions.range is None


def test_a_policy_says_what_is_left_to_vary_and_what_is_not() -> None:
    plan, foo = (b"X-Plan", b"gold"), (b"Foo", b"1")
    host = (b"X-Forwarded-Host", b"a")
    for left in (b"x-plan", b"*"):
        settings: dict[str, Any] = {"vary_headers": frozenset([left])}
        assert asked(plan, settings=settings).key == asked(settings=settings).key
        assert asked(host, settings=settings, trusted=True).key != asked(settings=settings).key
    for keyed in (b"foo", b"*"):
        settings = {"key_headers": frozenset([keyed])}
        assert asked(foo, settings=settings).key != asked(settings=settings).key
    both: dict[str, Any] = {
        "vary_headers": frozenset([b"*"]),
        "key_headers": frozenset([b"foo", b"x-plan"]),
    }
    keys = {asked(*some, settings=both).key for some in ((), (plan,), (foo,))}
    assert len(keys) == 3


def test_credentials_are_in_no_key_but_are_told() -> None:
    for name in (b"Authorization", b"X-API-Key", b"Proxy-Authorization"):
        one = asked((name, b"secret"))
        assert one.key == asked().key
        assert one.has_credentials
        assert not one.is_keyed_by_subject
    assert not asked().has_credentials
    assert asked(identity=Someone()).has_credentials


def test_who_has_a_credential_waits_for_nobody_else_and_takes_what_is_for_all() -> None:
    fresh = Freshness(0.0, 60.0)
    entry = Entry(200, b"OK", (), (), 0, fresh, 0.0, b"http://shop.example/a")
    for_all = replace(entry, freshness=replace(fresh, is_for_all=True))
    one, other = asked((b"Authorization", b"a")), asked((b"X-API-Key", b"b"))
    assert not one.takes(entry)
    assert one.takes(for_all)
    assert asked().takes(entry)
    assert one.flight_key == other.flight_key != asked().flight_key == asked().key
    by_subject = asked((b"Authorization", b"a"), settings={"by": "subject"}, identity=Someone())
    assert by_subject.takes(entry)
    assert by_subject.flight_key == by_subject.key


def test_by_subject_each_sees_what_was_made_for_whom_it_is() -> None:
    settings = {"by": "subject"}
    one = asked(settings=settings, identity=Someone())
    assert one.is_keyed_by_subject
    keys = {
        one.key,
        asked(settings=settings, identity=Someone("subject:2")).key,
        asked(settings=settings, identity=Someone(sent_lines=b"X-Auth-Scopes: admin\r\n")).key,
        asked(settings=settings).key,
        asked((b"Authorization", b"a"), settings=settings, identity=Someone()).key,
        asked((b"Authorization", b"b"), settings=settings, identity=Someone()).key,
    }
    assert len(keys) == 6
    assert not asked(settings=settings).is_keyed_by_subject
    assert not asked((b"Authorization", b"a"), settings=settings).is_keyed_by_subject


def test_the_layers_changes_are_what_counts() -> None:
    cookie, key = (b"Cookie", b"session=1; theme=dark"), (b"X-API-Key", b"secret")
    theme = asked((b"Cookie", b"theme=dark"))
    changes = HeadChanges(frozenset([b"x-api-key"]), {b"cookie": b"theme=dark"})
    assert asked(cookie, key, changes=changes).key == theme.key
    assert asked(cookie, key, changes=changes).fields == theme.fields
    assert asked(cookie, key, changes=changes).has_credentials
    gone = asked(
        cookie, (b"X_API_Key", b"a"), changes=HeadChanges(frozenset([b"cookie", b"x-api-key"]))
    )
    assert gone.key == asked().key


def test_conditions_and_directives_are_read() -> None:
    one = asked(
        (b"if-none-match", b'"a"'),
        (b"If-None-Match", b'W/"b"'),
        (b"If-Modified-Since", b"yesterday"),
        (b"Range", b"bytes=0-1"),
        (b"Cache-Control", b"max-age=3"),
        (b"Cache-Control", b"only-if-cached"),
    )
    assert one.conditions.if_none_match == b'"a", W/"b"'
    assert one.conditions.if_modified_since == b"yesterday"
    assert one.conditions.range == b"bytes=0-1"
    assert one.conditions.if_range is None
    assert one.directives.max_age_s == 3
    assert one.directives.only_if_cached
    assert asked((b"Pragma", b"no-cache")).directives.no_cache


def test_a_url_is_that_of_purges() -> None:
    assert asked(target="/a?b", host=b"SHOP.Example:80").url == b"http://shop.example:80/a?b"


def test_the_host_is_as_it_was_asked_for() -> None:
    keys = {asked(host=host).key for host in (b"shop.example", b"SHOP.example", b"shop.example:80")}
    assert len(keys) == 3


def plain(*lines: bytes) -> ReadSection:
    section = ReadSection(())
    section.block = b"".join(line + b"\r\n" for line in lines)
    return section


def test_heads_that_were_read_before_are_read_as_they_were() -> None:
    askers = Askers()
    policies = [CachePolicy(), CachePolicy(ignore_headers=frozenset([b"x-a"]))]
    lines = [(b"Host: shop.example",), (b"Host: shop.example", b"X-A: 1")]
    found: dict[bytes, tuple[object, ...]] = {}
    for policy in policies:
        for head in lines:
            for trusted in (False, True):
                for _ in range(2):
                    one = askers.of(ROUTE, policy).ask(
                        "GET", plain(*head), "/a", HOST, "http", trusted=trusted
                    )
                    assert isinstance(one, Asked)
                    found.setdefault(one.key, one.fields)
                    assert found[one.key] == one.fields
    assert len(found) == 2
    plans = [memory for memory in askers.memories() if memory.name == "cache_heads"]
    assert [(plan.hits, plan.misses) for plan in plans] == [(4, 4), (4, 4)]


def test_however_many_names_clients_send_few_are_remembered() -> None:
    askers = Askers()
    one = askers.of(ROUTE, CachePolicy())
    for number in range(600):
        head = plain(*(b"name-%d-%d: 1" % (number, place) for place in range(20)))
        one.ask("GET", head, "/a", HOST, "http")
    for memory in askers.memories():
        assert memory.misses > memory.entries
        assert 0 < len(memory) <= memory.entries <= 1024


LINES = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *(
                    b"Accept",
                    b"Cookie",
                    b"X-Any",
                    b"x_any",
                    b"Foo",
                    b"X-Forwarded-Host",
                    b"Authorization",
                ),
                *(b"traceparent", b"Connection", b"If-None-Match", b"Cache-Control", b"X-Api-Key"),
                *(b"Upgrade", b"Range", b"Forwarded", b"Tenant", b"Origin", b"Sec-Fetch-Mode"),
            ]
        ),
        st.sampled_from(
            [b"", b"a", b"keep-alive", b"foo", b"no-store", b"a,b", b'"e"', b"x" * 2100, b"\xff<"]
        ),
    ),
    max_size=6,
)


@given(
    LINES,
    st.booleans(),
    st.sampled_from([(), (b"authorization",), (b"cookie", b"x-any")]),
    st.booleans(),
)
def test_a_head_is_read_by_its_names_as_it_is_line_by_line(
    lines: list[tuple[bytes, bytes]], trusted: bool, removed: tuple[bytes, ...], by_subject: bool
) -> None:
    policy = CachePolicy(by="subject" if by_subject else "everyone")
    changes = HeadChanges(frozenset(removed))
    one = Askers().of(ROUTE, policy)
    read = [
        one.ask("GET", section, "/a", HOST, "http", trusted=trusted, changes=changes)
        for section in (
            plain(*[b"%b: %b" % line for line in lines]),
            HeaderSection([(name, value.strip(b" ")) for name, value in lines]),
        )
    ]
    quick, careful = read
    if isinstance(quick, Bypass) or isinstance(careful, Bypass):
        assert quick == careful
        return
    assert quick.key == careful.key
    assert quick.fields == careful.fields
    assert quick.has_credentials == careful.has_credentials
    assert (quick.directives, quick.conditions) == (careful.directives, careful.conditions)


def test_secondary_keys_are_those_of_what_an_instance_sees() -> None:
    hidden = asked((b"Accept-Encoding", b"gzip"), (b"Connection", b"accept-encoding"))
    names = (b"accept-encoding",)
    assert hidden.secondary(names) == asked().secondary(names)
    told = {
        asked(*fields).secondary(names)
        for fields in ((), ((b"Accept-Encoding", b"gzip"),), ((b"Accept-Encoding", b"br"),))
    }
    assert len(told) == 3
