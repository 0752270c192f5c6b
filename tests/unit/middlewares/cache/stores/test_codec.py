"""An entry as bytes is the same entry again, and other bytes are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middlewares.cache.entry import Entry, Freshness
from middlewares.cache.stores.codec import BadRecord, Record, is_writable, read
from tests.support.shared_stores import entry_of

_TEXTS = st.binary(max_size=20).map(
    lambda text: text.replace(b"\n", b"").replace(b"\r", b"").replace(b"\0", b"")
)
_TIMES = st.floats(0, 2**31)
_FRESHNESS = st.builds(
    Freshness,
    *(_TIMES, _TIMES, _TIMES, _TIMES),
    *(st.booleans(), st.booleans(), st.booleans(), st.booleans()),
)
_TAGS = _TEXTS.map(lambda tag: b"".join(tag.split())).filter(bool)
_ENTRIES = st.builds(
    lambda body, **values: entry_of(body, stored_s=100.0, **values),
    st.binary(max_size=50),
    status=st.integers(200, 599),
    phrase=_TEXTS,
    fields=st.lists(st.tuples(_TEXTS, _TEXTS), max_size=5).map(tuple),
    freshness=_FRESHNESS,
    url=_TEXTS,
    etag=st.none() | _TEXTS,
    last_modified=st.none() | _TEXTS,
    tags=st.frozensets(_TAGS, max_size=3),
)


def head_of(record: Record, *, stale: bool = False, stored_ms: int = 5000) -> bytes:
    """The head as lua/keep.lua makes it."""
    front = b"1%d%015d%010d" % (stale, stored_ms, record.size)
    return front + b"k" * 32 + record.url + b"\n" + record.tags + b"\n" + record.own


@given(_ENTRIES)
def test_an_entry_is_read_as_it_was_written(entry: Entry) -> None:
    assert is_writable(entry)
    record = Record(entry)
    assert read(head_of(record), record.body, redis_now_ms=5000, now_s=100.0) == entry


def test_the_age_is_by_redis_s_clock_and_never_negative() -> None:
    record = Record(entry_of())
    times = [
        read(head_of(record), record.body, redis_now_ms=now_ms, now_s=50.0).stored_s
        for now_ms in (5000, 7500, 1000)
    ]
    assert times == [50.0, 47.5, 50.0]


def test_an_entry_that_was_purged_softly_is_stale() -> None:
    record = Record(entry_of())
    there = read(head_of(record, stale=True), record.body, redis_now_ms=0, now_s=0.0)
    assert there.is_stale


@given(_ENTRIES, st.integers(0, 200), st.binary(max_size=3))
def test_other_bytes_are_refused_or_an_entry_of_the_same_body(
    entry: Entry, at: int, bytes_: bytes
) -> None:
    """Nothing else is raised, and no body is longer or shorter than it says."""
    record = Record(entry)
    head = head_of(record)
    try:
        there = read(head[:at] + bytes_ + head[at + 1 :], record.body, redis_now_ms=0, now_s=0.0)
    except BadRecord:
        return
    assert sum(map(len, there.pieces)) == there.length == entry.length


@given(_ENTRIES, st.integers(1, 100))
def test_a_head_that_was_cut_off_is_refused(entry: Entry, cut: int) -> None:
    record = Record(entry)
    with pytest.raises(BadRecord):
        read(head_of(record)[:-cut], record.body + b"?", redis_now_ms=0, now_s=0.0)


@pytest.mark.parametrize(
    "lines",
    [
        b"",
        b'200 OK\r\nContent-Type: text/plain\r\nETag: "1"\r\n',
        b'200 OK\r\nContent-Type: text/plain\r\nETag: "1"\r\nContent-Length: 5\r\n',
    ],
)
def test_lines_that_are_ready_stay_so(lines: bytes) -> None:
    entry = entry_of(ready_lines=lines)
    record = Record(entry)
    assert read(head_of(record), record.body, redis_now_ms=5000, now_s=0.0) == entry


@pytest.mark.parametrize(
    "lines",
    [
        b"200 OK\r\n\r\nHTTP/1.1 200 OK\r\n",
        b'200 OK\r\nContent-Type: text/html\r\nETag: "1"\r\n',
        b'200 OK\r\nContent-Type: text/plain\r\nETag: "1"\r\nContent-Length: 4\r\n',
        b'200 OK\r\nContent-Type: text/plain\r\nETag: "1"\r\nSet-Cookie: a=b\r\n',
    ],
)
def test_ready_lines_that_are_not_the_fields_are_refused(lines: bytes) -> None:
    record = Record(entry_of(ready_lines=lines))
    with pytest.raises(BadRecord, match="ready lines"):
        read(head_of(record), record.body, redis_now_ms=0, now_s=0.0)


@pytest.mark.parametrize("name", ["phrase", "etag", "last_modified"])
def test_what_goes_into_a_line_has_no_break(name: str) -> None:
    record = Record(entry_of(**{name: b"a\r\nb"}))
    with pytest.raises(BadRecord, match="line break"):
        read(head_of(record), record.body, redis_now_ms=0, now_s=0.0)


@pytest.mark.parametrize("number", [0, 1, 2, 3])
@pytest.mark.parametrize("time_s", [float("nan"), float("inf")])
def test_a_time_that_is_no_number_is_refused(number: int, time_s: float) -> None:
    times = [0.0, 60.0, 0.0, 0.0]
    times[number] = time_s
    record = Record(entry_of(freshness=Freshness(*times)))
    with pytest.raises(BadRecord, match="no number"):
        read(head_of(record), record.body, redis_now_ms=0, now_s=0.0)


@pytest.mark.parametrize(
    "line", [(b"A\r\nB", b""), (b"A", b"1\r\nB: 2"), (b"A", b"\n"), (b"A", b"\0")]
)
def test_a_field_with_a_break_is_refused(line: tuple[bytes, bytes]) -> None:
    """Whoever may write to Redis must not be able to split an answer."""
    record = Record(entry_of(fields=(line,)))
    with pytest.raises(BadRecord, match="line break"):
        read(head_of(record), record.body, redis_now_ms=0, now_s=0.0)


@pytest.mark.parametrize(
    "entry",
    [
        entry_of(url=b"http://h/a\nb"),
        entry_of(tags=frozenset({b"a b"})),
        entry_of(tags=frozenset({b"a\0"})),
        entry_of(tags=frozenset(b"%d" % number for number in range(1001))),
        entry_of(fields=((b"A", b"b"),) * 1001),
    ],
    ids=range(5),
)
def test_what_the_record_can_t_hold_is_not_written(entry: Entry) -> None:
    assert not is_writable(entry)
