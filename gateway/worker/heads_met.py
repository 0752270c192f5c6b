"""A worker's memories of heads; it shares them with no other worker."""

from collections.abc import Iterable
from typing import Any

from gateway.forwarding.memories import ForwardingMemories
from gateway.forwarding.plain_answers import PlainAnswers
from middlewares.memory import Memory


class HeadsMet:
    """One memory for each stage of a head's way; docs/decisions/0006-heads-met-before.md."""

    def __init__(self) -> None:
        self.forwarding = ForwardingMemories()
        self.plain_answers = PlainAnswers()

    def memories(self) -> Iterable[Memory[Any, Any]]:
        """All memories, for their metrics."""
        forwarding = self.forwarding
        return (
            forwarding.added,
            self.plain_answers.fields,
            forwarding.in_answer,
        )
