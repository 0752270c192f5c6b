"""Bodies with many JSON texts, changed as they come."""

from collections.abc import Callable, Generator, Iterator

from middlewares.bodies import AnswerBody, Trailers
from middlewares.changed_bodies import MadeBody
from middlewares.codings import SLICE_BYTES, Decoder, Encoder, NotDecoded, encoder
from middlewares.compress.deciding.fields import without_digests
from middlewares.failures import TransformFailed
from middlewares.transform.bodies.deciding.grammar import NotJson
from middlewares.transform.bodies.deciding.messages import Kind
from middlewares.transform.bodies.policy import BodyRules, Encoded
from middlewares.transform.bodies.whole import NotChanged, Why, not_changed, pieces_of, worked
from middlewares.transform.deciding.variables import Values

#: Is told once why something in a body could not be changed, and whether that ends it.
Tell = Callable[[NotChanged, bool], None]
#: So much is changed at once; each of its lines may become as long as what rules put into it.
_AT_ONCE = SLICE_BYTES // 4


class StreamedBody(MadeBody):
    """A body whose lines or events are changed when somebody reads; what is ready goes out at once.

    It breaks off where it can't be decoded, and where it can't be changed and the rules refuse that.
    """

    def __init__(
        self,
        source: AnswerBody,
        kind: Kind,
        coding: bytes,
        rules: BodyRules,
        values: Values,
        tell: Tell,
    ) -> None:
        self._source = source
        self._rules = rules
        self._tell = tell
        #: What has passed unchanged and is not told yet.
        self._passed: list[NotJson] = []
        self._has_told = False
        self._pieces = pieces_of(kind, rules, values, self._passed)
        self._decoder = Decoder(coding) if coding else None
        self._encoder: Encoder | None = None
        if coding and rules.encoded is Encoded.REDO:
            self._encoder = encoder(coding)
        #: What has come and is not changed yet.
        self._slices: Iterator[bytes] = iter(())
        self._ended = False

    @property
    def trailers(self) -> Trailers:
        """Those of the source that are still true."""
        return tuple(without_digests(self._source.trailers))

    async def read(self) -> bytes:
        while not self._ended:
            try:
                made = await self._next()
            except (NotJson, NotDecoded) as error:
                self._tell(_reason(error), True)
                raise TransformFailed(
                    f"the answer can't be changed as configured: {error}", evidence=str(error)
                ) from None
            if self._passed and not self._has_told:
                self._has_told = True
                self._tell(not_changed(self._passed[0]), False)
            if made:
                return made
        return b""

    async def _next(self) -> bytes:
        """What comes of the next slice; b"" if nothing does yet."""
        part = next(self._slices, None)
        if part is not None:
            made = await self._worked(self._pieces.feed(part), len(part))
            if self._encoder is None or not made:
                return made
            return self._encoder.feed(made) + self._encoder.flush()
        if piece := await self._source.read():
            self._slices = _cut(piece) if self._decoder is None else self._decoder.slices(piece)
            return b""
        self._ended = True
        if self._decoder is not None:
            self._decoder.end()
        made = await self._worked(self._pieces.finish(), self._pieces.held_bytes)
        return made if self._encoder is None else self._encoder.feed(made) + self._encoder.finish()

    async def _worked(self, steps: Generator[None, None, bytes], more: int) -> bytes:
        return await worked(steps, self._rules, self._pieces.held_bytes + more)


def _cut(piece: bytes) -> Iterator[bytes]:
    return (piece[at : at + _AT_ONCE] for at in range(0, len(piece), _AT_ONCE))


def _reason(error: NotJson | NotDecoded) -> NotChanged:
    return not_changed(error) if isinstance(error, NotJson) else NotChanged(Why.CODING, str(error))
