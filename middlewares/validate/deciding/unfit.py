"""One thing in a message that is not as the document says."""

from collections.abc import Container
from typing import Any, Literal, NamedTuple

Place = Literal["path", "query", "header", "cookie", "body"]

#: The longest text of a pointer and of what was expected.
MOST_CHARACTERS = 200
#: The digits of the index of an item in the largest body.
MOST_INDEX_DIGITS = 6
#: The most that are told of one message.
MOST_TOLD = 8


class Unfit(NamedTuple):
    """What does not fit: where it is, and what the document expects there.

    `name` is that of a parameter or a field, empty for a body. `pointer` leads to the place in a body or in
    a value with parts (RFC 6901). It never holds a value of the message.
    """

    place: Place
    name: str
    pointer: str
    expected: str

    def describe(self) -> dict[str, Any]:
        """The member of the problem document's `errors`."""
        where: dict[str, Any] = {"in": self.place}
        if self.name:
            where["name"] = self.name
        if self.place == "body" or self.pointer:
            where["pointer"] = cut(self.pointer)
        return {**where, "expected": cut(self.expected)}

    def for_the_log(self, names: Container[str]) -> str:
        """As text, without names that only the message has."""
        steps = self.pointer.split("/")[1:]
        known = (
            step if _is_index(step) or step.replace("~1", "/").replace("~0", "~") in names else "*"
            for step in steps
        )
        return str(self._replace(pointer="".join(f"/{step}" for step in known)))

    def __str__(self) -> str:
        named = f"{self.place} {cut(self.name)}{cut(self.pointer)}".rstrip()
        return f"{named}: expected {cut(self.expected)}"


def _is_index(step: str) -> bool:
    """Whether a step may lead to an item; longer numbers are names, perhaps of cards or telephones."""
    return step.isdigit() and len(step) <= MOST_INDEX_DIGITS


def cut(text: str) -> str:
    """The text, or its beginning if it is long."""
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"


def escaped(name: object) -> str:
    """A name or an index as one step of a pointer."""
    return str(name).replace("~", "~0").replace("/", "~1")
