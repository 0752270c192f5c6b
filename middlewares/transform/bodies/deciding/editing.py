"""Does what rules say to a JSON text; all that they do not touch keeps its bytes."""

from collections.abc import Generator, Sequence

from middlewares.transform.bodies.deciding.frames import Change
from middlewares.transform.bodies.deciding.grammar import NotJson, TooLarge
from middlewares.transform.bodies.deciding.plans import Edit, Node, Step
from middlewares.transform.bodies.deciding.queries import yielded
from middlewares.transform.bodies.deciding.rules import Wrap, string_of
from middlewares.transform.bodies.deciding.walking import changes_in, whole_value
from middlewares.transform.deciding.variables import Values

#: Rules put so many characters into one text; a value may stand in each item of a list.
MOST_ADDED = 8 * 1024 * 1024
#: So many changes are made in one step, a millisecond or two.
_AT_ONCE = 5_000


def edited(
    body: bytes, steps: Sequence[Step], values: Values | None = None, *, checks: bool = False
) -> Generator[None, None, bytes]:
    """What the steps make of a JSON text, in pieces of work of a few milliseconds. Raises NotJson.

    The very same bytes are returned where nothing changes. With `checks` a text is read even where it is
    certain before that nothing in it will change.
    """
    if not checks:
        steps = [step for step in steps if not _is_idle(step, body)]
    if not steps:
        return body
    try:
        text = before = body.decode()
    except UnicodeDecodeError:
        raise NotJson("it is not UTF-8") from None
    written = _Written(values)
    for step in steps:
        if isinstance(step, Edit):
            changes = yield from changes_in(text, step.root, written)
            text = yield from _replaced(text, changes)
        elif isinstance(step, Wrap):
            text = yield from _wrapped(text, step)
        else:
            text = yielded(text, step)
    return body if text is before else text.encode()


def done(steps: Generator[None, None, bytes]) -> bytes:
    """What comes of the steps, all at once."""
    try:
        while True:
            next(steps)
    except StopIteration as end:
        return bytes(end.value)


class _Written:
    """The values of nodes for one text, each written once. Raises TooLarge if all that is put in is too much."""

    def __init__(self, values: Values | None) -> None:
        self._values = values
        self._written: dict[int, str | None] = {}
        self._added = 0

    def __call__(self, node: Node) -> str | None:
        if id(node) not in self._written:
            assert node.value is not None
            self._written[id(node)] = node.value.written(self._values)
        value = self._written[id(node)]
        if value is not None:
            self._added += len(value)
            if self._added > MOST_ADDED:
                raise TooLarge("what the rules put into it is too large")
        return value


def _replaced(text: str, changes: Sequence[Change]) -> Generator[None, None, str]:
    """The text with all changes made; itself where there are none."""
    if not changes:
        return text
    pieces: list[str] = []
    position = 0
    for count, (start, end, new) in enumerate(changes, 1):
        if not count % _AT_ONCE:
            yield
        pieces += (text[position:start], new)
        position = end
    pieces.append(text[position:])
    return "".join(pieces)


def _is_idle(step: Step, body: bytes) -> bool:
    """Whether it is certain, without reading the text, that the step changes nothing in it."""
    if not isinstance(step, Edit) or step.needles is None:
        return False
    # With \\u a name may be written in many ways.
    return not any(needle in body for needle in step.needles) and b"\\u" not in body


def _wrapped(text: str, rule: Wrap) -> Generator[None, None, str]:
    start, end = yield from whole_value(text)
    opening = "".join(f"{{{string_of(name)}:" for name in rule.names)
    return "".join((text[:start], opening, text[start:end], "}" * len(rule.names), text[end:]))
