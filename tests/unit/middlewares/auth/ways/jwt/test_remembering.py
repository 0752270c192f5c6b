"""Tokens that were found valid."""

import itertools

from middlewares.auth.deciding import Identity
from middlewares.auth.ways.jwt.deciding import remembering
from middlewares.auth.ways.jwt.deciding.remembering import Remembered

ADA = Identity("users", "jwt", "ada", ends_s=100.0)


def test_a_token_is_known_until_it_ends() -> None:
    known = Remembered(1000)
    known.keep(b"a", ADA, 0)
    assert known.recall(b"a", 99.9) is ADA
    assert known.recall(b"a", 100) is None
    assert known.recall(b"b", 0) is None


def test_a_token_is_known_for_the_configured_time_at_most() -> None:
    known = Remembered(10)
    known.keep(b"a", ADA, 5)
    assert known.recall(b"a", 14.9) is ADA
    assert known.recall(b"a", 15) is None


def test_a_token_is_not_known_for_longer_than_the_keys_are_good() -> None:
    known = Remembered(1000)
    known.keep(b"a", ADA, 0, 20)
    assert known.recall(b"a", 19) is ADA
    assert known.recall(b"a", 20) is None


def test_nothing_is_remembered_where_the_time_is_0() -> None:
    known = Remembered(0)
    known.keep(b"a", ADA, 0)
    assert len(known) == 0


def test_tokens_are_forgotten_when_the_keys_change() -> None:
    known = Remembered(1000)
    known.keep(b"a", ADA, 0)
    known.clear()
    assert known.recall(b"a", 0) is None


def test_the_token_itself_is_not_kept() -> None:
    known = Remembered(1000)
    known.keep(b"a very secret token", ADA, 0)
    assert b"secret" not in repr(vars(known)).encode()


def test_memory_is_bounded_by_the_number_of_tokens_and_by_their_size() -> None:
    for size in (40, 16 * 1024):
        known = Remembered(1000)
        most = min(remembering.MOST_TOKENS, remembering.MOST_BYTES // size)
        lengths = set()
        for number in itertools.islice(itertools.count(), most + 10):
            known.keep(str(number).encode().ljust(size), ADA, 0)
            lengths.add(len(known))
        assert max(lengths) == most
