"""The primary key: requests that differ in any part have different ones."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.cache.deciding.field_kinds import (
    KEYED,
    LEFT,
    TRUSTED,
    UNSENT,
    FieldKinds,
    kind_of,
)
from middlewares.cache.deciding.keys import joined, key_of_fields, primary_key, without_members
from middlewares.cache.deciding.request_fields import read_fields
from middlewares.cache.deciding.varying import secondary
from middlewares.cache.policy import CachePolicy
from middlewares.hygiene.deciding import FieldLine

USUAL = CachePolicy()
STRICT = CachePolicy(key_headers=frozenset([b"*"]))

#: Names that any rule of ours may treat in another way, and any other.
NAMES = st.one_of(
    st.sampled_from(
        b"Accept Accept-Encoding Accept-Version Authorization Cache-Control Connection Content-Type Cookie"
        b" Foo Forwarded Host If-None-Match Origin Pragma Range TE Upgrade User-Agent Via X-A X_A x-a X-B"
        b" X-Auth-Subject X-Forwarded-For X-Forwarded-Host X-Forwarded-Port X-Request-ID tenant".split()
    ),
    st.from_regex(rb"[A-Za-z0-9_-]{1,12}", fullmatch=True),
)
VALUES = st.one_of(
    st.sampled_from([b"", b"a", b"b", b"a, b", b"x-a", b"close, foo", b"X-B, Cookie", b"host=a"]),
    st.binary(max_size=12).filter(
        lambda value: value == value.strip(b" \t") and b"\n" not in value
    ),
)
SECTIONS = st.lists(st.tuples(NAMES, VALUES), max_size=8)
#: Texts that are put together to the same bytes if nothing parts them.
PARTS = st.one_of(
    st.sampled_from(["", "a", "aa", "1:a", "0:", "5:http:", "/a", "/a?b", "é", "\udcff"]),
    st.text("a0:/?é\udcff", max_size=6),
)


@dataclass(frozen=True)
class Key:
    """All parts of a primary key."""

    route: bytes
    scheme: str
    host: bytes
    target: str
    fields: bytes
    subject: bytes
    body: bytes

    def key(self) -> bytes:
        return primary_key(*[getattr(self, name) for name in self.__dataclass_fields__])


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


KEYS = st.builds(
    Key,
    route=st.sampled_from([b"a" * 32, b"b" * 32]),
    scheme=st.sampled_from(["http", "https"]),
    host=PARTS.map(_bytes),
    target=PARTS,
    fields=PARTS.map(_bytes),
    subject=PARTS.map(_bytes),
    body=PARTS.map(_bytes),
)


@given(KEYS, KEYS)
def test_two_different_requests_never_share_a_key(one: Key, other: Key) -> None:
    assert (one.key() == other.key()) == (one == other)


@given(KEYS, st.data())
def test_what_is_moved_from_one_part_to_the_next_makes_another_key(
    one: Key, data: st.DataObject
) -> None:
    names = ["host", "fields", "subject", "body"]
    giving, taking = data.draw(st.permutations(names))[:2]
    given_away: bytes = getattr(one, giving)
    cut = data.draw(st.integers(0, len(given_away)))
    changed: dict[str, Any] = {
        giving: given_away[:cut],
        taking: given_away[cut:] + getattr(one, taking),
    }
    other = replace(one, **changed)
    assert (one.key() == other.key()) == (one == other)


@given(st.lists(st.binary(max_size=5)), st.lists(st.binary(max_size=5)))
def test_parts_are_told_apart(one: list[bytes], other: list[bytes]) -> None:
    assert (joined(one) == joined(other)) == (one == other)


def seen(fields: tuple[FieldLine, ...]) -> dict[bytes, list[bytes]]:
    """What an instance sees of a shared request's fields: each name's lines in order."""
    lines: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        lines.setdefault(name.lower(), []).append(value)
    return lines


#: What a service answers by and names in Vary, if it does as HTTP says.
OF_HTTP = frozenset(b"accept accept-encoding user-agent x-request-id cache-control pragma".split())
#: These have rules of their own, or a part of the key.
APART = frozenset([b"host", b"authorization", b"forwarded"])


@st.composite
def near(draw: st.DrawFn) -> tuple[list[FieldLine], list[FieldLine]]:
    """Two sections that differ in a line or two."""
    one = draw(SECTIONS)
    other = [*one]
    for name, value in draw(st.lists(st.tuples(NAMES, VALUES), min_size=1, max_size=2)):
        place = draw(st.integers(0, len(other)))
        other[place : place + draw(st.integers(0, 1))] = [(name, value)]
    return one, other


@given(near(), st.booleans(), st.sampled_from([USUAL, STRICT]))
def test_a_service_sees_nothing_that_the_key_lacks_and_http_does_not_leave_to_vary(
    two: tuple[list[FieldLine], list[FieldLine]], trusted: bool, policy: CachePolicy
) -> None:
    kinds = FieldKinds(policy)
    a, b = (read_fields(section, kinds, trusted=trusted) for section in two)
    if a.key != b.key:
        return
    sees, sees_too = seen(a.fields), seen(b.fields)
    for name in sees.keys() | sees_too.keys():
        if sees.get(name) == sees_too.get(name) or name in APART | OF_HTTP:
            continue
        assert policy is USUAL
        assert b"_" not in name
        assert not name.startswith((b"x-", b"content-", b"accept-"))
        assert name not in (b"cookie", b"origin", b"tenant")


@given(SECTIONS, SECTIONS, st.booleans())
def test_the_same_for_everybody_is_the_same_key(
    one: list[FieldLine], more: list[FieldLine], trusted: bool
) -> None:
    kinds = FieldKinds(USUAL)
    left = [(name, value) for name, value in more if kinds[name] in (LEFT, UNSENT)]
    assert (
        read_fields(one + left, kinds, trusted=trusted).key
        == read_fields(one, kinds, trusted=trusted).key
    )


@given(SECTIONS)
def test_an_instance_sees_no_field_that_is_ignored(fields: list[FieldLine]) -> None:
    policy = CachePolicy(ignore_headers=frozenset([b"x-a", b"accept", b"foo", b"range"]))
    read = read_fields(fields, FieldKinds(policy), trusted=True)
    assert not seen(read.fields).keys() & policy.ignore_headers
    assert read.conditions.range is None


@given(st.lists(NAMES, unique_by=bytes.lower, max_size=4), SECTIONS, SECTIONS)
def test_secondary_keys_tell_other_values_apart(
    names: list[bytes], one: list[FieldLine], other: list[FieldLine]
) -> None:
    wanted = tuple(sorted(name.lower() for name in names))
    a, b = seen(tuple(one)), seen(tuple(other))
    same = secondary(wanted, one) == secondary(wanted, other)
    if all(a.get(name) == b.get(name) for name in wanted):
        assert same
    elif same:
        for name in wanted:
            assert (name in a) == (name in b)
            spelt = [b", ".join(lines.get(name, [])) for lines in (a, b)]
            items = [
                set(text.lower().translate(None, b" \t").split(b",")) - {b""} for text in spelt
            ]
            assert items[0] == items[1]


@given(st.lists(st.tuples(NAMES.map(bytes.lower), VALUES), max_size=6))
def test_only_the_order_of_lines_of_one_name_counts(fields: list[FieldLine]) -> None:
    by_name = sorted(fields, key=lambda field: field[0])
    assert key_of_fields(by_name) == key_of_fields(fields)
    for place, (name, value) in enumerate(fields):
        changed = [*fields]
        changed[place] = (name, value + b"!")
        assert key_of_fields(changed) != key_of_fields(fields)


@pytest.mark.parametrize(
    ("target", "left"),
    [
        ("/a", "/a"),
        ("/a?", "/a?"),
        ("/a?b=1", "/a?b=1"),
        ("/a?utm=1", "/a"),
        ("/a?utm", "/a"),
        ("/a?b=1&utm=2&b=3&c", "/a?b=1&b=3&c"),
        ("/a?utm=1;b=2", "/a"),
        ("/a?b=2;utm=1", "/a?b=2;utm=1"),
        ("/a?%75tm=1&b", "/a?b"),
        ("/a?utm[]=1", "/a?utm[]=1"),
        ("/a?UTM=1", "/a?UTM=1"),
        ("/a?b?utm=1", "/a?b?utm=1"),
        ("/a?&&b&utm=1", "/a?&&b"),
        ("/utm=1?b", "/utm=1?b"),
        ("/a?\udcff=1&utm=1", "/a?\udcff=1"),
        ("/a?%=1&%u=2&utm=", "/a?%=1&%u=2"),
    ],
)
def test_ignored_members_go_whole_and_the_rest_stays(target: str, left: str) -> None:
    assert without_members(target, frozenset([b"utm"])) == left


def test_fields_that_only_a_trusted_proxy_may_send_are_never_left_to_vary() -> None:
    policy = CachePolicy(vary_headers=frozenset([b"*"]))
    assert kind_of(b"x-forwarded-port", policy) == TRUSTED
    assert kind_of(b"x-plan", policy) == LEFT
    assert kind_of(b"x-plan", USUAL) == KEYED
