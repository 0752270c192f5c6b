"""Bodies with many JSON texts, changed as they come."""

from middlewares.bodies import AnswerBody, Trailers
from middlewares.changed_bodies import Codec, PiecewiseBody
from middlewares.codings import Decoder, NotDecoded, encoder
from middlewares.compress.deciding.fields import without_digests
from middlewares.failures import TransformFailed
from middlewares.transform.bodies.deciding.grammar import NotJson
from middlewares.transform.bodies.deciding.messages import Kind
from middlewares.transform.bodies.deciding.pieces import Events, Lines
from middlewares.transform.bodies.policy import BodyRules, Encoded
from middlewares.transform.bodies.whole import change_of
from middlewares.transform.deciding.variables import Values


class StreamedBody(PiecewiseBody):
    """A body that is changed piece by piece; the digests in its trailers are not true any more."""

    @property
    def trailers(self) -> Trailers:
        return tuple(without_digests(super().trailers))


def streamed(
    source: AnswerBody, kind: Kind, coding: bytes, rules: BodyRules, values: Values
) -> StreamedBody:
    """The changed body. It breaks off where it can't be changed and the rules refuse that."""
    change = change_of(rules, values)
    pieces = (Events if kind is Kind.EVENTS else Lines)(change, change.too_large)
    if not coding:
        return StreamedBody(source, _Refusing(pieces))
    redone = coding if rules.encoded is Encoded.REDO else b""
    return StreamedBody(source, _Refusing(_Coded(pieces, coding, redone)))


class _Refusing:
    """A codec whose errors are failures, which break the body off."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def feed(self, piece: bytes) -> bytes:
        try:
            return self._codec.feed(piece)
        except (NotJson, NotDecoded) as error:
            raise TransformFailed(
                "the answer can't be changed as configured", cause=error
            ) from None

    def finish(self) -> bytes:
        try:
            return self._codec.finish()
        except (NotJson, NotDecoded) as error:
            raise TransformFailed(
                "the answer can't be changed as configured", cause=error
            ) from None


class _Coded:
    """Changes a body within its coding; what can be read of each piece is flushed with it."""

    def __init__(self, codec: Codec, coding: bytes, redone: bytes) -> None:
        self._codec = codec
        self._decoder = Decoder(coding)
        self._encoder = encoder(redone) if redone else None

    def feed(self, piece: bytes) -> bytes:
        made = b"".join(self._codec.feed(part) for part in self._decoder.slices(piece))
        if self._encoder is None or not made:
            return made
        return self._encoder.feed(made) + self._encoder.flush()

    def finish(self) -> bytes:
        self._decoder.end()
        made = self._codec.finish()
        if self._encoder is None:
            return made
        return self._encoder.feed(made) + self._encoder.finish()
