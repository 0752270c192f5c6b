"""The keys that a worker knows: what it admits until when, and what never comes back."""

from hypothesis import given
from hypothesis import strategies as st

from discovery.base.steps import at_once
from middlewares.auth.ways.api_keys.deciding.records import Change, KeyRecord
from middlewares.auth.ways.api_keys.deciding.ring import NEVER_S, REMEMBERED_S, Ring

RECORD = KeyRecord("orders", ("a",), 1000)
NEW, OLD = b"n" * 32, b"o" * 32
NOW_S = 100.0 * 86400


def ring_of(*changes: Change, epoch: str = "e") -> Ring:
    ring = Ring(epoch)
    for change in changes:
        ring.apply(change)
    return ring


def live(id_: str, *digests: tuple[bytes, int | None], revision: int = 1) -> Change:
    return Change(id_, RECORD, digests, revision)


def revoked(id_: str, *digests: tuple[bytes, int | None], revision: int = 2) -> Change:
    return Change(id_, None, digests, revision)


def test_a_key_is_found_by_its_digest() -> None:
    ring = ring_of(live("k1", (NEW, None)))
    entry = ring.find(NEW, NOW_S)
    assert entry is not None
    assert (entry.id, entry.record, entry.ends_s) == ("k1", RECORD, NEVER_S)
    assert ring.find(OLD, NOW_S) is None
    assert (ring.knows(NEW), ring.knows(OLD), len(ring)) == (True, False, 1)


def test_a_key_is_valid_until_it_expires_and_not_at_that_moment() -> None:
    ring = ring_of(Change("k1", KeyRecord("n", (), 0, 5000), ((NEW, None),), 1))
    assert ring.find(NEW, 4.999)
    assert ring.find(NEW, 5.0) is None
    assert ring.knows(NEW)


def test_two_keys_are_valid_for_the_overlap_of_a_rotation() -> None:
    ring = ring_of(live("k1", (OLD, None)), live("k1", (NEW, None), (OLD, 7000), revision=2))
    assert ring.find(NEW, 6.0)
    assert ring.find(OLD, 6.999)
    assert ring.find(OLD, 7.0) is None
    assert ring.find(NEW, 1e12)
    assert len(ring) == 1


def test_a_revoked_key_is_refused_and_known_as_such() -> None:
    ring = ring_of(live("k1", (NEW, None)), revoked("k1", (NEW, 3000)))
    assert ring.find(NEW, 1.0) is None
    assert ring.knows(NEW)
    assert (len(ring), ring.revision, ring.last_id) == (0, 2, "k1")


def test_a_key_that_the_registry_has_forgotten_is_unknown() -> None:
    ring = ring_of(live("k1", (NEW, None)), revoked("k1"))
    assert ring.find(NEW, 1.0) is None
    assert not ring.knows(NEW)


def test_an_older_copy_of_the_data_brings_no_revoked_key_back() -> None:
    before = ring_of(revoked("k1", (NEW, round(NOW_S * 1000))))
    after = ring_of(live("k1", (NEW, None)))
    at_once(after.taking_over(before, NOW_S))
    assert after.find(NEW, NOW_S) is None
    assert [one.digest for one in after.untold.values()] == [NEW]


def test_an_older_copy_makes_no_key_valid_for_longer() -> None:
    ends_ms = round(NOW_S * 1000)
    before = ring_of(live("k1", (NEW, None), (OLD, ends_ms)))
    after = ring_of(live("k1", (OLD, None)))
    at_once(after.taking_over(before, NOW_S))
    assert after.find(OLD, NOW_S - 1)
    assert after.find(OLD, NOW_S) is None


def test_what_the_data_says_later_does_not_count_either() -> None:
    ring = ring_of(revoked("k1", (NEW, 3000)), live("k1", (NEW, None), revision=3))
    assert ring.find(NEW, 10.0) is None
    assert NEW in ring.untold


def test_the_registry_is_told_no_more_once_it_says_so_itself() -> None:
    before = ring_of(revoked("k1", (NEW, round(NOW_S * 1000))))
    after = ring_of()
    at_once(after.taking_over(before, NOW_S))
    assert NEW in after.untold
    after.apply(revoked("k1", (NEW, round(NOW_S * 1000)), revision=9))
    assert after.untold == {}


def test_what_ended_long_ago_is_forgotten_so_that_it_is_not_told_for_ever() -> None:
    before = ring_of(revoked("k1", (NEW, round((NOW_S - REMEMBERED_S - 1) * 1000))))
    after = ring_of()
    at_once(after.taking_over(before, NOW_S))
    assert (after.ended, after.untold) == ({}, {})


def test_a_use_is_not_noted_twice_because_the_key_has_changed() -> None:
    ring = ring_of(live("k1", (OLD, None)))
    entry = ring.find(OLD, NOW_S)
    assert entry is not None
    entry.used_again_s = 500.0
    ring.apply(live("k1", (NEW, None), (OLD, 10**12), revision=2))
    assert [one.used_again_s for one in ring.entries.values()] == [0.0, 500.0]
    other = ring_of(live("k1", (OLD, None)))
    at_once(other.taking_over(ring, NOW_S))
    assert other.entries[OLD].used_again_s == 500.0


DIGESTS = st.sampled_from([b"1" * 32, b"2" * 32, b"3" * 32])
CHANGES = st.builds(
    Change,
    st.sampled_from(["k1", "k2"]),
    st.sampled_from([RECORD, None]),
    st.lists(
        st.tuples(DIGESTS, st.none() | st.integers(0, 9000)),
        max_size=3,
        unique_by=lambda one: one[0],
    ).map(tuple),
    st.integers(1, 100),
)


@given(st.lists(st.lists(CHANGES, max_size=5), min_size=1, max_size=4), st.integers(0, 10))
def test_what_was_refused_once_is_never_admitted_again(
    datas: list[list[Change]], now_s: int
) -> None:
    ended: dict[bytes, int] = {}
    ring = Ring("e0")
    for number, changes in enumerate(datas):
        after = ring_of(*changes, epoch=f"e{number}")
        at_once(after.taking_over(ring, 0.0))
        ring = after
        for one in ring.ended.values():
            ended[one.digest] = min(one.at_ms, ended.get(one.digest, one.at_ms))
        for digest, at_ms in ended.items():
            if now_s * 1000 >= at_ms:
                assert ring.find(digest, now_s) is None


def test_a_ring_that_is_let_go_is_empty_in_the_end() -> None:
    ring = ring_of(*(live(f"k{number}", (bytes([number]) * 32, None)) for number in range(250)))
    steps = sum(1 for _ in ring.letting_go())
    assert (steps, len(ring), ring.entries) == (3, 0, {})
