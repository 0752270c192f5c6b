"""One worker's part in a gateway of several: it shares probes, hands on what it knows, and takes over."""

import asyncio
from collections.abc import Callable

from ..base.stepping import in_steps
from ..health.prober import Prober
from ..health.sharing import Hearing, Sharing
from ..health.siblings import Siblings
from ..view.saved_view import Saved
from ..view.watcher import Watcher
from .handing_on import HandingOn
from .reporter import Reporter
from .sweeper import Sweeper


class Team:
    """This worker and its siblings."""

    def __init__(self, siblings: Siblings, gateway: str, watcher: Callable[[], Watcher]) -> None:
        self.sharing = Sharing(siblings, lambda: watcher().connected)
        self._siblings = siblings
        self._gateway = gateway
        self._watcher = watcher
        self._handing_on: HandingOn | None = None
        self._prober: Prober | None = None
        self._changed = asyncio.Event()

    def join(self, prober: Prober) -> None:
        """Begin to hear siblings, and to answer them."""
        self._prober = prober
        self._handing_on = HandingOn(self._siblings, prober, self._watcher)
        self._watcher().when_connected_changes(self.sharing.connected_changed)
        self.sharing.listen(Hearing(prober.verdict_heard, prober.doubt_heard, self._changed.set))

    async def follow(self) -> None:
        """Follow the registry; a sibling's verdicts come first, so that the view finds them."""
        if self._handing_on is not None:
            await self._handing_on.take_healths()
        await self._watcher().run()

    async def view(self) -> Saved | None:
        """The view of a sibling; None: none has one."""
        return None if self._handing_on is None else await self._handing_on.take_view()

    async def run(self, sweeper: Sweeper, reporter: Reporter) -> None:
        """Take over from workers that have gone, and make room for those that have come; never returns.

        A worker that has gone may not have reported its last verdicts, and nobody must wait for it.
        """
        assert self._prober is not None, "it has joined"
        here = self._ids()
        while True:
            await self._changed.wait()
            self._changed.clear()
            before, here = here, self._ids()
            await in_steps(self._prober.planning_anew())
            for gone in before - here:
                if self.sharing.speaks_for(gone):
                    await sweeper.drop(worker_name(self._gateway, gone))
            await in_steps(reporter.saying_again(self._watcher().view))

    def _ids(self) -> set[str]:
        return {one.id for one in self._siblings.members}


def worker_name(gateway: str, worker: str) -> str:
    """What a worker is called in the registry; its siblings call it `worker`, which is its pid."""
    return f"{gateway}.{worker}"
