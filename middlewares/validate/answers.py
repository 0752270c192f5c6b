"""Holds an answer against the document while it goes to the client."""

from collections.abc import Sequence
from typing import NamedTuple

from middlewares.bodies import Sink, Trailers
from middlewares.validate.counting import ValidationCounts
from middlewares.validate.deciding.bodies import Content, TooDeep
from middlewares.validate.deciding.documents import Document
from middlewares.validate.deciding.operations import Operation
from middlewares.validate.reporting import Reports

#: The largest body that is kept to be looked at.
MOST_BODY_BYTES = 1024 * 1024
_WITHOUT_BODY = frozenset([204, 205, 304])
_PARTIAL_CONTENT = 206


class AnswerCheck(NamedTuple):
    """Where what is found of an answer is told."""

    route: str
    service: str
    asked: Operation | None
    counts: ValidationCounts
    reports: Reports

    def tell(self, outcome: str) -> None:
        self.counts.answers[self.service, outcome] += 1


class AnswerSink(Sink):
    """Keeps the body of an answer up to a bound, and looks at it when it is whole."""

    def __init__(
        self,
        check: AnswerCheck,
        operation: Operation,
        content: Content,
        document: Document,
        fields: dict[bytes, list[bytes]],
    ) -> None:
        self._check = check
        self._operation = operation
        self._content = content
        self._document = document
        self._fields = fields
        self._body = bytearray()

    @classmethod
    def of(
        cls,
        check: AnswerCheck,
        operation: Operation | None,
        document: Document,
        method: str,
        status: int,
        fields: Sequence[tuple[bytes, bytes]],
    ) -> "AnswerSink | None":
        """The sink for an answer; None: its body need not be read, and what is found is told already."""
        if operation is None:
            return None
        content = operation.answer_of(status)
        if content is None:
            check.tell("unknown_status")
            return None
        by_name: dict[bytes, list[bytes]] = {}
        for name, value in fields:
            by_name.setdefault(name.lower(), []).append(value)
        if method == "HEAD" or status in _WITHOUT_BODY or not content.schemas:
            check.tell("valid")
            return None
        codings = by_name.get(b"content-encoding", [b"identity"])
        is_whole = status != _PARTIAL_CONTENT and codings == [b"identity"]
        if not is_whole or not content.reads(lambda name: by_name.get(name, ())):
            check.tell("unchecked")
            return None
        return cls(check, operation, content, document, by_name)

    def take(self, piece: bytes) -> bool:
        self._body += piece
        return True

    def end(self, trailers: Trailers = ()) -> None:
        check = self._check
        try:
            unfit = self._content.check(
                bytes(self._body), bool(self._body), lambda name: self._fields.get(name, ())
            )
        except TooDeep:
            check.tell("unchecked")
            return
        check.tell("invalid" if unfit else "valid")
        if unfit:
            check.reports.answer(check.route, check.service, self._operation, self._document, unfit)

    def broke(self, why: Exception) -> None:
        self._body.clear()
        self._check.tell("unchecked")
