"""What the levels of a file say together."""

from gateway.config.compiled.levels import last, merged, said
from gateway.config.file.cache import Cache
from gateway.config.file.defaults import Defaults


def cache(**keys: object) -> Cache:
    return Cache.model_validate(keys)


def test_the_more_specific_level_wins_key_by_key() -> None:
    whole = merged([cache(default_ttl="1s", by="subject"), cache(default_ttl="2s")])
    assert whole is not None
    assert (whole.default_ttl_s, whole.by) == (2.0, "subject")


def test_a_null_takes_back_what_more_general_levels_say() -> None:
    assert merged([cache(by="subject"), None]) is None
    whole = merged([cache(by="subject"), None, cache(default_ttl="2s")])
    assert whole is not None
    assert (whole.default_ttl_s, whole.by) == (2.0, "everyone")
    assert merged([]) is None


def test_only_levels_that_say_a_key_count() -> None:
    silent, off = Defaults.model_validate({}), Defaults.model_validate({"cache": None})
    own = Defaults.model_validate({"cache": {}})
    assert said([silent, None, off, own], "cache") == [None, own.cache]


def test_the_most_specific_level_is_the_last() -> None:
    assert (last([1, 2]), last([1, None]), last([])) == (2, None, None)
