"""What several rooms of the gateway are tested with."""

import httptools
import pytest


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The bytes that parsers of answers got."""
    fed: list[bytes] = []

    class Parser(httptools.HttpResponseParser):
        def feed_data(self, data: bytes) -> None:
            fed.append(bytes(data))
            super().feed_data(data)

    monkeypatch.setattr(httptools, "HttpResponseParser", Parser)
    return fed
