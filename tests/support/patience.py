"""Gateways that give the registry more time, so that it does not count as away on a busy machine."""

import pytest

from discovery.store import clients
from middlewares.auth.ways.api_keys import store as api_keys
from middlewares.auth.ways.oidc import following, way
from middlewares.auth.ways.oidc import store as sessions
from middlewares.cache.purging import everywhere
from middlewares.cache.purging import log as purges
from middlewares.cache.stores import leases, reads, shared
from middlewares.limits import limiter
from middlewares.split import store as splits

#: A test that waits for so long has found something.
PATIENCE_S = 5.0

_TIMES = [
    (clients, "CALL_TIMEOUT_S"),
    (clients, "CONNECT_TIMEOUT_S"),
    (limiter, "ANSWER_WITHIN_S"),
    (api_keys, "ANSWER_WITHIN_S"),
    (sessions, "ANSWER_WITHIN_S"),
    (following, "HEARS_WITHIN_S"),
    (way, "HEARS_WITHIN_S"),
    (splits, "ANSWER_WITHIN_S"),
    (purges, "ANSWER_WITHIN_S"),
    (everywhere, "CONFIRMED_WITHIN_S"),
    (everywhere, "CONFIRMED_AGAIN_WITHIN_S"),
    (leases, "ANSWER_WITHIN_S"),
    (reads, "ANSWER_WITHIN_S"),
    (reads, "PATIENCE_S"),
    (reads, "MOST_PATIENCE_S"),
    (shared, "WRITTEN_WITHIN_S"),
]


def be_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the gateways of a test wait for answers of the registry.

    The registry, or the test with its gateways, may get no time for longer than the product waits. What the
    product then does without the registry is right, and not what most tests are about.
    """
    for module, name in _TIMES:
        monkeypatch.setattr(module, name, PATIENCE_S)
