"""The event loops for these tests, and time for the registry on a busy machine."""

import pytest

from discovery.store import clients
from middlewares.limits import limiter as limiters
from tests.support.loops import pytest_asyncio_loop_factories as pytest_asyncio_loop_factories


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiters, "ANSWER_WITHIN_S", 10.0)
    monkeypatch.setattr(clients, "CONNECT_TIMEOUT_S", 10.0)
    monkeypatch.setattr(clients, "CALL_TIMEOUT_S", 10.0)
