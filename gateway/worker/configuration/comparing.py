"""Compares a file that is not in force with the one that is: what it says, and where requests would go."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from discovery.base.stepping import in_steps
from discovery.base.steps import Steps, gathered, let_go
from discovery.view.overlay import Overlay
from discovery.view.view import View
from gateway.config.compiled.compiling import Compiled
from gateway.config.file.configuration import Configuration
from gateway.config.file.contents import changed
from gateway.config.file.differences import differences
from gateway.config.settings import GatewaySettings
from gateway.worker.configuration.drafts import finished
from gateway.worker.configuration.reading import drafting
from middlewares.routing.configured import ConfiguredTable
from middlewares.routing.elsewhere import Routed, moved
from middlewares.routing.recent import RecentRequest


async def candidate(content: bytes, name: str, folder: Path, settings: GatewaySettings) -> Compiled:
    """The file of these bytes with what it names, by paths that begin in a folder.

    Raises ConfigurationRejected, whose mistakes call the file by `name`.
    """
    draft = await in_steps(drafting(content, name, folder, settings))
    return (await finished(draft))[0]


def comparing(
    compiled: Compiled,
    *,
    in_force: Compiled | None,
    table_of: Callable[[Compiled], ConfiguredTable],
    recent: Iterable[RecentRequest],
    overlay: Overlay,
) -> Steps[dict[str, Any]]:
    """The answer to POST /config/diff. `in_force` None: there is no file."""
    before = Configuration() if in_force is None else in_force.configuration
    found = yield from differences(before, compiled.configuration)
    if in_force is not None:
        found += changed(in_force.contents, compiled.contents)
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
