"""A registry that does not answer is named, with what was wrong."""

import pytest
import redis

from discovery.store.clients import unavailable


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (redis.ConnectionError("Connection refused."), "Connection refused"),
        (TimeoutError(), "it takes too long"),
    ],
)
def test_an_error_without_words_gets_some(error: Exception, said: str) -> None:
    message = str(unavailable("redis://:secret@a.example:6379/0", error))
    assert f"does not answer: {said}" in message
    assert "secret" not in message
