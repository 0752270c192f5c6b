"""An instance's unsent answer, as layers see it and change it."""

from collections.abc import Sequence
from enum import Enum

from aiohttp import web

from middlewares.bodies import AnswerBody, Reader, Sink, WhenSlow
from middlewares.head_changes import FieldEdits

FieldLine = tuple[bytes, bytes]


class Unchanged(Enum):
    """Says that something stays as it is."""

    UNCHANGED = "unchanged"


UNCHANGED = Unchanged.UNCHANGED


class ProxiedAnswer:
    """An instance's answer whose head is not sent yet; the gateway's answers of this kind derive from it.

    A layer changes it after it has come and before it is returned. Fields that frame the body and those that
    belong to one connection are made when the head is sent: what a change says of them counts for nothing.
    """

    @property
    def answered(self) -> int:
        """The status."""
        raise NotImplementedError

    @property
    def field_lines(self) -> Sequence[FieldLine]:
        """The fields in their order and case."""
        raise NotImplementedError

    @property
    def announced_length(self) -> int | None:
        """The announced length of the body in bytes; None: it is not announced."""
        raise NotImplementedError

    @property
    def streams_events(self) -> bool:
        """Whether the body is an event stream, which goes on until somebody ends it."""
        raise NotImplementedError

    def change_head(self, fields: Sequence[FieldLine]) -> None:
        """Send other fields. Raises ValueError if one is none."""
        raise NotImplementedError

    def edit_head(self, edits: FieldEdits) -> None:
        """Change the fields as rules say. Raises ValueError if one is none."""
        raise NotImplementedError

    def may_have(self, marks: tuple[bytes, ...]) -> bool:
        """False: there is none of the fields with these marks (head_changes.marks_of)."""
        raise NotImplementedError

    def add_reader(
        self, sink: Sink, *, when_slow: WhenSlow = WhenSlow.LEAVE, cap: int | None = None
    ) -> Reader:
        """Give the body to another sink as well; a layer calls this before the answer is delivered.

        If the client leaves, the body ends for all. `cap` and `when_slow` are as in Fanout.
        """
        raise NotImplementedError

    def body_for_change(self) -> AnswerBody:
        """The unread body, for the layer that is going to call `change_body` with what it makes of it.

        Readers that were added before get each piece as it is now.
        """
        raise NotImplementedError

    def change_body(
        self,
        body: AnswerBody,
        length: int | None,
        fields: Sequence[FieldLine] | Unchanged = UNCHANGED,
    ) -> None:
        """Send another body of this length; None: it is not known yet.

        `fields` change as in `change_head`.
        """
        raise NotImplementedError


def proxied(response: web.StreamResponse) -> ProxiedAnswer | None:
    """The answer of an instance; None: the gateway's own answer."""
    return response if isinstance(response, ProxiedAnswer) else None
