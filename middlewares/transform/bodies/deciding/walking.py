"""The walk over a JSON text that finds what changes in it, in steps, and checks all of it."""

from collections.abc import Generator

from middlewares.transform.bodies.deciding.frames import Change, Frame, Part, ValueOf
from middlewares.transform.bodies.deciding.grammar import (
    STEP,
    NotJson,
    name_at,
    separator,
    skipped,
    space_end,
    usual_end,
)
from middlewares.transform.bodies.deciding.plans import Node, Verdict

BYTE_ORDER_MARK = "\ufeff"
_ENTER, _KEEP, _REMOVE = Verdict.ENTER, Verdict.KEEP, Verdict.REMOVE
#: What happens to members alone.
_OF_NAMES = (Verdict.RENAME, Verdict.REPLACED)


def changes_in(text: str, root: Node, value_of: ValueOf) -> Generator[None, None, list[Change]]:
    """What changes in a JSON text, in its order. Raises NotJson if it is none."""
    start = _start(text)
    if root.verdict is _ENTER and text[start : start + 1] in ("{", "["):
        changes, end = yield from _walk(text, start, root, value_of)
        _check_end(text, end)
        return changes
    start, end = yield from whole_value(text)
    if root.verdict is Verdict.SET:
        return [(start, end, value_of(root) or "null")]
    return [(start, end, "null")] if root.others is _REMOVE else []


def whole_value(text: str) -> Generator[None, None, tuple[int, int]]:
    """Where the value of a JSON text begins and ends. Raises NotJson if it is none."""
    start = _start(text)
    usual = usual_end(text, start)
    end = (yield from skipped(text, start)) if usual is None else usual
    _check_end(text, end)
    return start, end


def _start(text: str) -> int:
    return space_end(text, 1 if text.startswith(BYTE_ORDER_MARK) else 0)


def _check_end(text: str, end: int) -> None:
    if space_end(text, end) != len(text):
        raise NotJson("something stands behind the value")


def _walk(
    text: str, position: int, root: Node, value_of: ValueOf
) -> Generator[None, None, tuple[list[Change], int]]:
    """What changes in the container that begins here, and where it ends."""
    frame = Frame(root, position, is_array=text[position] == "[")
    frames: list[Frame] = []
    position = space_end(text, position + 1)
    turns = 0
    while True:
        turns += 1
        if not turns % STEP:
            yield
        run = None if frame.run is None else frame.run(text, position)
        if run is not None:
            end = run.end()
            frame.add(Part(position, end, frame.node.others))
        elif not frame.parts and text[position : position + 1] == frame.closing:
            end = position
        else:
            part = _part_at(frame, text, position)
            if part.verdict is _ENTER:
                first = text[part.value : part.value + 1]
                if first in ("{", "["):
                    assert part.node is not None
                    frame.part = part
                    frames.append(frame)
                    frame = Frame(part.node, part.value, is_array=first == "[")
                    position = space_end(text, part.value + 1)
                    continue
            usual = usual_end(text, part.value)
            end = part.end = (yield from skipped(text, part.value)) if usual is None else usual
            frame.add(part)
        # A value has ended, and perhaps the container that it is in.
        while True:
            after = separator(text, end)
            if after is None:
                raise NotJson("a comma or the end of a container is missing")
            if after[1] == ",":
                position = after.end()
                break
            if after[1] != frame.closing:
                raise NotJson("a container ends as the other kind")
            changes, end = (yield from frame.changes(value_of)), after.end(1)
            if not frames:
                return changes, end
            frame = frames.pop()
            assert frame.part is not None
            frame.part.end, frame.part.within = end, changes
            frame.add(frame.part)


def _part_at(frame: Frame, text: str, position: int) -> Part:
    """What happens to the member or item that begins here; where it ends is not known yet."""
    node = frame.node
    if frame.is_array:
        child = node.indexed.get(frame.count, node.every)
        part = Part(position, 0, node.others, child)
    else:
        name, name_end, value = name_at(text, position)
        child = node.named.get(name, node.every)
        part = Part(position, 0, node.others, child)
        part.name, part.name_end, part.value = name, name_end, value
    if child is not None:
        part.verdict = child.verdict
        if child.verdict is _ENTER and text[part.value : part.value + 1] not in ("{", "["):
            part.verdict = child.others  # a scalar has nothing in it
        elif frame.is_array and child.verdict in _OF_NAMES:
            part.verdict = _KEEP
    return part
