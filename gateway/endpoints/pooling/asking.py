"""Questions that a worker asks its siblings, so that an answer speaks of the gateway."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.siblings.packing import packed, unpacked
from gateway.siblings.siblings import Siblings

#: A sibling that has not answered by then is left out.
ANSWERED_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Told:
    """What siblings have answered; `missing` are the slots of those that have not in time."""

    documents: Sequence[Any] = ()
    missing: Sequence[int] = ()

    def completed(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """The document that was made of them, which says whose part is not in it."""
        return {**document, "missing_workers": self.missing} if self.missing else document


class Asking:
    """Asks for documents of any size; in a gateway of one process there is nobody to ask."""

    def __init__(self, siblings: Siblings) -> None:
        self._siblings = siblings

    def answers(self, topic: str, document: Callable[[Any], Awaitable[Any]]) -> None:
        """Let siblings have the document of this worker."""
        if self._siblings.alone:
            return

        async def answer(asked: Any) -> str:
            return await packed(await document(asked))

        self._siblings.answers(topic, answer)

    async def ask(
        self, topic: str, asked: Any = None, *, within_s: float = ANSWERED_WITHIN_S
    ) -> dict[str, Any]:
        """The documents of the siblings that have answered, by id."""
        if self._siblings.alone:
            return {}
        answers = await self._siblings.ask(topic, asked, within_s=within_s)
        return {id_: await unpacked(text) for id_, text in answers.items() if text}

    async def ask_each(self, topic: str, asked: Any = None) -> Told:
        """The documents of the siblings, and who has given none."""
        siblings = self._siblings
        if siblings.alone:
            return Told()
        answers, silent = await siblings.ask_each(topic, asked, within_s=ANSWERED_WITHIN_S)
        slots = {member.slot for member in siblings.members if member.id in silent}
        return Told([await unpacked(text) for text in answers.values() if text], sorted(slots))
