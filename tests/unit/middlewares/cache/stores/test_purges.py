"""What a purge takes in Redis's indexes is what it takes in memory."""

from hypothesis import example, given
from hypothesis import strategies as st

from middlewares.cache.stores.purges import ranges
from middlewares.cache.stores.store import Purge
from tests.support.shared_stores import entry_of

_TARGETS = st.lists(st.sampled_from([b"a", b"b", b"\xfe", b"\xff", b"/"]), max_size=4).map(b"".join)
_URLS = st.builds(lambda host, target: b"http://%b/%b" % (host, target), _TARGETS, _TARGETS).filter(
    lambda url: not url.startswith(b"http:///")
)
_ID = b"\xff" * 16


def takes(purge: Purge, members: list[bytes]) -> bool:
    """As ZRANGEBYLEX compares."""
    _, begin, end, _ = ranges(purge)
    return any(member >= begin[1:] and (end == b"+" or member < end[1:]) for member in members)


@given(_URLS, st.booleans(), st.integers(0, 12), st.sampled_from(["url", "prefix"]))
@example(b"http://h/\xff\xff", False, 10, "prefix")
def test_an_entry_is_found_by_its_url_or_its_beginning(
    url: bytes, of_any_host: bool, cut: int, kind: str
) -> None:
    path = b"/" + url.split(b"/", 3)[3]
    members = [url + b"\0" + _ID, path + b"\0" + _ID]
    whole = path if of_any_host else url
    for value in {whole[: max(1, len(whole) - cut)], whole, whole + b"\xff", whole + b"a"}:
        purge = Purge("url" if kind == "url" else "prefix", value)
        assert takes(purge, members) == purge.takes(entry_of(url=url))


def test_tags_have_an_index_of_their_own() -> None:
    assert ranges(Purge("tag", b"a")) == (b"tags", b"[a\0", b"(a\1", b"0")


def test_a_prefix_of_the_last_bytes_has_no_end() -> None:
    assert ranges(Purge("prefix", b"\xff\xff")) == (b"urls", b"[\xff\xff", b"+", b"0")
