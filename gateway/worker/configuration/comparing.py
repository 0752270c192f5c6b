"""Compares a file that is not in force with the one that is: what it says, and where requests would go."""

from collections.abc import Callable, Iterable
from typing import Any

from discovery.base.steps import Steps, gathered, let_go
from discovery.view.overlay import Overlay
from discovery.view.view import View
from gateway.config.compiled.compiling import Compiled
from gateway.config.file.configuration import Configuration
from gateway.config.file.differences import differences
from gateway.config.settings import GatewaySettings
from gateway.worker.configuration.reading import compiling_text
from middlewares.routing.configured import ConfiguredTable
from middlewares.routing.elsewhere import Routed, moved
from middlewares.routing.recent import RecentRequest


def comparing(
    content: bytes,
    name: str,
    *,
    settings: GatewaySettings,
    in_force: Compiled | None,
    table_of: Callable[[Compiled], ConfiguredTable],
    recent: Iterable[RecentRequest],
    overlay: Overlay,
) -> Steps[dict[str, Any]]:
    """The answer to POST /config/diff; raises ConfigurationRejected. `in_force` None: there is no file."""
    compiled = yield from compiling_text(content, name, settings)
    before = Configuration() if in_force is None else in_force.configuration
    found = yield from differences(before, compiled.configuration)
    requests = [] if in_force is None else list(recent)
    groups = []
    if in_force is not None:
        now = Routed(table_of(in_force), overlay.routed or View())
        then = Routed(table_of(compiled), (yield from overlay.with_fixed(compiled.fixed)))
        groups = yield from moved(requests, now, then)
        del now, then
    parts = yield from gathered(compiled.parts())
    del before, compiled
    yield from let_go(parts)
    return {
        "differences": found,
        "requests": {"looked_at": len(requests), "moved": [one._asdict() for one in groups]},
    }
