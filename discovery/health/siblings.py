"""What `discovery` needs of the channel to the other workers of a gateway."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

#: A worker in this state routes requests, and shares the probes.
READY = "ready"
#: A worker in this state finishes what is in flight.
STOPPING = "stopping"


class Sibling(Protocol):
    """One worker of the gateway."""

    @property
    def id(self) -> str: ...
    @property
    def state(self) -> str: ...


class Siblings(Protocol):
    """The workers of this gateway; `members` has this one too."""

    @property
    def id(self) -> str: ...
    @property
    def members(self) -> Sequence[Sibling]: ...

    def hears(self, topic: str, taken: Callable[[str, Any], None]) -> None:
        """Call `taken` with the id of a sibling and what it said."""
        ...

    def answers(self, topic: str, answer: Callable[[Any], Awaitable[Any]]) -> None:
        """Let `answer` answer the questions of siblings."""
        ...

    def when_changed(self, called: Callable[[], None]) -> None:
        """Call it after `members` has changed."""
        ...

    def tell(self, topic: str, body: Any) -> None:
        """Tell all siblings; `body` is JSON."""
        ...

    async def ask_one(self, sibling: str, topic: str, body: Any, within_s: float) -> Any:
        """Ask the sibling with this id; None if it did not answer in time."""
        ...
