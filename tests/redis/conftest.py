"""Time for the registry on a busy machine."""

import pytest

from discovery.store import clients
from discovery.view import watcher
from gateway.acme import store as acme
from middlewares.auth.ways.api_keys import store as api_keys
from middlewares.auth.ways.oidc import store as oidc
from middlewares.cache.purging import everywhere
from middlewares.cache.purging import log as purges
from middlewares.limits import limiter
from middlewares.split import store as split

_PATIENCE_S = 10.0


@pytest.fixture(autouse=True)
def _registry_has_time(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the registry count as away only where it is: not where a process got no CPU for a moment."""
    if request.node.get_closest_marker("registry_hangs") is not None:
        return
    for name in ("CALL_TIMEOUT_S", "CONNECT_TIMEOUT_S"):
        monkeypatch.setattr(clients, name, _PATIENCE_S)
    for module in (acme, api_keys, limiter, oidc, purges, split):
        monkeypatch.setattr(module, "ANSWER_WITHIN_S", _PATIENCE_S)
    monkeypatch.setattr(everywhere, "CONFIRMED_WITHIN_S", _PATIENCE_S)
    monkeypatch.setattr(watcher, "HUNG_AFTER_S", _PATIENCE_S)
    monkeypatch.setattr(watcher, "SNAPSHOT_TIMEOUT_S", _PATIENCE_S)
