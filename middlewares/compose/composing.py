"""Answers a request by a composition: asks its parts, and puts their answers together."""

from collections.abc import Callable, Mapping, Sequence

from aiohttp import web
from aiohttp.typedefs import Handler

from discovery.base.stepping import in_steps
from middlewares.compose.asking import CANCELLED, Asked, Asker, Means
from middlewares.compose.composition import Composition, Part
from middlewares.compose.deciding.answer_fields import Answered, composed_fields
from middlewares.compose.deciding.json_spans import read
from middlewares.compose.deciding.judging import Fine, Missing
from middlewares.compose.deciding.marks import FIELD, document_of, field_of
from middlewares.compose.deciding.placing import Placed, put_together
from middlewares.compose.deciding.refusing import is_passed_on, passed_fields, refusal
from middlewares.compose.running import Running
from middlewares.exchange import EXCHANGE, Exchange

#: Makes an answer to a request, of a status, fields and a body.
MakeAnswer = Callable[[web.Request, int, Sequence[tuple[str, str]], bytes], web.StreamResponse]

#: What is counted of a part that is there.
OK = "ok"
#: Larger values are put together one request after the other.
_LARGE = 64 * 1024
_JSON = ("Content-Type", "application/json")


class Composing:
    """Answers requests by compositions; read `answer` first."""

    def __init__(self, means: Means, make_answer: MakeAnswer) -> None:
        self._means = means
        self._make_answer = make_answer

    async def answer(
        self, request: web.Request, handler: Handler, composition: Composition
    ) -> web.StreamResponse:
        """Answer a request; each part goes through the layers of `handler` to its service.

        Raises the Failure by which a part is missing without which there is no answer.
        """
        exchange = request[EXCHANGE]
        asker = Asker(self._means, request, exchange, handler)
        exchange.held.append(asker)
        values = self._means.values_of(request, exchange)
        asked = await Running(asker, composition.parts, values).run()
        self._count(exchange, composition, asked)
        for part in composition.parts:
            one = asked.get(part.name)
            if not part.optional and one is not None and isinstance(one.outcome, Missing):
                return self._refused(request, part, one, one.outcome)
        return await self._composed(request, composition, asked)

    def _count(
        self, exchange: Exchange, composition: Composition, asked: Mapping[str, Asked]
    ) -> None:
        assert exchange.route is not None, "it is the route that has the composition"
        for part in composition.parts:
            one = asked.get(part.name)
            reason = CANCELLED if one is None else OK
            if one is not None and isinstance(one.outcome, Missing):
                reason = one.outcome.reason
            self._means.counts[exchange.route.id, part.name, reason] += 1

    def _refused(
        self, request: web.Request, part: Part, asked: Asked, missing: Missing
    ) -> web.StreamResponse:
        answer = asked.answer
        if answer is not None and answer.is_whole and is_passed_on(missing):
            fields = passed_fields(answer.fields, part.passes)
            return self._make_answer(request, answer.status, fields, answer.body)
        raise refusal(part.name, missing, asked.failure)

    async def _composed(
        self, request: web.Request, composition: Composition, asked: Mapping[str, Asked]
    ) -> web.StreamResponse:
        placed: list[Placed] = []
        answered: list[Answered] = []
        missing: dict[str, Missing] = {}
        for part in composition.parts:
            outcome = asked[part.name].outcome
            if isinstance(outcome, Fine):
                placed.append(Placed(part.into, outcome.used))
                answered.append(Answered(outcome.fields, part.passes))
            else:
                missing[part.name] = outcome
        text = await self._put_together(placed)
        if missing and composition.marks is not None and text.startswith("{"):
            marks = Placed(composition.marks, read(document_of(missing).encode()))
            text = await self._put_together([*placed, marks])
        own = {name.lower() for name, _ in composition.fields}
        fields = [_JSON, *composed_fields(answered, is_partial=bool(missing))]
        if missing:
            fields.append((FIELD, field_of(missing)))
        fields = [one for one in fields if one[0].lower() not in own]
        return self._make_answer(
            request, composition.status, [*fields, *composition.fields], text.encode()
        )

    async def _put_together(self, placed: Sequence[Placed]) -> str:
        if sum(one.value.end - one.value.start for one in placed) <= _LARGE:
            return await in_steps(put_together(placed))
        async with self._means.room.large:
            return await in_steps(put_together(placed))
