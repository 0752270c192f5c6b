"""What the prober keeps of an instance that it watches."""

import asyncio
import time
from dataclasses import dataclass, field

from ..model.instance import Instance


@dataclass(slots=True)
class Watch:
    """An instance that is watched, and the task that probes it, if it needs one."""

    instance: Instance
    task: asyncio.Task[None] | None = None
    registered_at_ms: int = -1
    #: When it was registered here, or anew: for a while after that, probes come quickly.
    began_s: float = 0.0
    #: When the last verdict came, of this worker's own probe or a sibling's; None before the first.
    judged_s: float | None = None
    #: Spreads the probes; 0 to 1, drawn anew with each verdict.
    jitter: float = 0.0
    #: Whether the next probe must not wait, and since when.
    is_hurried: bool = False
    hurried_s: float = 0.0
    #: Whether this worker was to probe it when it last looked.
    is_mine: bool = True
    #: Set when the next probe must be planned anew.
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    #: Short for what its health depends on; empty where nobody needs it.
    probed_as: str = ""

    @property
    def by_heartbeat(self) -> bool:
        return self.instance.health_check.kind == "heartbeat"

    def hurry(self) -> None:
        self.is_hurried, self.hurried_s = True, time.monotonic()
        self.woken.set()

    def end(self) -> None:
        if self.task is not None:
            self.task.cancel()
            self.task = None
