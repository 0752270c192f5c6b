"""Which keys an index finds."""

from hypothesis import given
from hypothesis import strategies as st

from middlewares.cache.stores.index import Index

few = st.sampled_from([b"a", b"b", b"c", b"d"])


@given(st.lists(st.tuples(st.booleans(), st.frozensets(few), few)))
def test_it_finds_what_was_put_under_a_term_and_not_taken_out(
    doings: list[tuple[bool, frozenset[bytes], bytes]],
) -> None:
    index = Index()
    expected: set[tuple[bytes, bytes]] = set()
    for is_added, terms, key in doings:
        (index.add if is_added else index.discard)(terms, key)
        pairs = {(term, key) for term in terms}
        expected = expected | pairs if is_added else expected - pairs
    for term in (b"a", b"b", b"c", b"d"):
        found = index.keys(term)
        assert sorted(found) == sorted(key for of, key in expected if of == term)
    assert len(index) == len({term for term, _ in expected})


def test_a_key_under_other_terms_is_no_longer_under_those_that_it_had() -> None:
    index = Index()
    index.add({b"a", b"b"}, b"key")
    index.add({b"a"}, b"other")
    index.change({b"a", b"b"}, {b"b", b"c"}, b"key")
    assert [index.keys(term) for term in (b"a", b"b", b"c")] == [[b"other"], [b"key"], [b"key"]]
