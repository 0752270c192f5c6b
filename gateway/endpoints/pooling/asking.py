"""Questions that a worker asks its siblings, so that an answer speaks of the gateway."""

from collections.abc import Awaitable, Callable
from typing import Any

from gateway.siblings.packing import packed, unpacked
from gateway.siblings.siblings import Siblings

#: A sibling that has not answered by then is left out.
ANSWERED_WITHIN_S = 2.0


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
