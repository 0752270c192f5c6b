"""What changes within one object or array, once all of its members or items are known."""

from collections.abc import Callable, Generator, Iterator, Sequence
from re import Match

from middlewares.transform.bodies.deciding.plans import Node, Verdict
from middlewares.transform.bodies.deciding.rules import string_of

#: The characters from one position to another, and what takes their place.
Change = tuple[int, int, str]
#: The value of a node that sets one; None: it has none for this request.
ValueOf = Callable[[Node], str | None]

#: So many parts are looked at in one step, a millisecond or two.
_AT_ONCE = 1_000


class Part:
    """A member or an item, or several in a row to which the same happens."""

    __slots__ = ("end", "name", "name_end", "node", "start", "value", "verdict", "within")

    def __init__(self, start: int, end: int, verdict: Verdict, node: Node | None = None) -> None:
        self.start = start
        self.end = end
        self.verdict = verdict
        self.node = node
        self.name = ""
        self.name_end = start
        self.value = start
        self.within: Sequence[Change] = ()


class Frame:
    """An object or array that the walk is in. `opened` is where it begins; `part` is what is being passed."""

    __slots__ = (
        "closing",
        "count",
        "is_array",
        "names",
        "node",
        "opened",
        "part",
        "parts",
        "renamed",
        "run",
    )

    def __init__(self, node: Node, opened: int, *, is_array: bool) -> None:
        self.node = node
        self.opened = opened
        self.is_array = is_array
        self.closing = "]" if is_array else "}"
        pattern = node.items if is_array else node.members
        #: Matches parts that need not be looked at one by one.
        self.run: Callable[[str, int], Match[str] | None] | None = (
            None if pattern is None else pattern.match
        )
        self.parts: list[Part] = []
        self.count = 0
        self.part: Part | None = None
        #: The names of members that some rule is about, and those that members get.
        self.names: set[str] = set()
        self.renamed: set[str] = set()

    def add(self, part: Part) -> None:
        self.parts.append(part)
        self.count += 1
        node = part.node
        if node is not None and not self.is_array:
            self.names.add(part.name)
            if part.verdict is Verdict.RENAME:
                self.renamed.add(node.renamed)

    def changes(self, value_of: ValueOf) -> Generator[None, None, list[Change]]:
        """What changes in it, in the order of the text."""
        changes: list[Change] = []
        kept, gone_from, last_end = False, -1, self.opened + 1
        for count, part in enumerate(self.parts, 1):
            if not count % _AT_ONCE:
                yield
            start, end, verdict = part.start, part.end, part.verdict
            value = None
            if verdict is Verdict.REPLACED:
                verdict = Verdict.REMOVE if part.name in self.renamed else Verdict.KEEP
            elif verdict is Verdict.SET:
                assert part.node is not None
                value = value_of(part.node)
            if verdict is Verdict.REMOVE or (verdict is Verdict.SET and value is None):
                if kept:
                    changes.append((last_end, end, ""))  # with the comma before it
                elif gone_from < 0:
                    gone_from = start
            else:
                if gone_from >= 0:
                    changes.append((gone_from, start, ""))  # with the comma behind it
                    gone_from = -1
                kept = True
                if value is not None:
                    changes.append((part.value, end, value))
                elif verdict is Verdict.RENAME:
                    assert part.node is not None
                    changes.append((start, part.name_end, string_of(part.node.renamed)))
                elif part.within:
                    changes.extend(part.within)
            last_end = end
        added = ",".join(self._added(value_of)) if self.node.adds else ""
        if gone_from >= 0:
            changes.append((gone_from, last_end, added))
        elif added:
            changes.append((last_end, last_end, "," + added if kept else added))
        return changes

    def _added(self, value_of: ValueOf) -> Iterator[str]:
        """The members or items that are missing."""
        node = self.node
        if not self.is_array:
            for name, child in node.additions:
                if name not in self.names and (made := made_of(child, value_of)) is not None:
                    yield f"{string_of(name)}:{made}"
            return
        for item in (node.indexed.get(self.count), node.behind):
            if item is not None and (made := made_of(item, value_of)) is not None:
                yield made


def made_of(node: Node, value_of: ValueOf) -> str | None:
    """The value of a place that is missing; None: it stays missing."""
    if node.verdict is Verdict.SET:
        return value_of(node)
    members = [
        f"{string_of(name)}:{made}"
        for name, child in node.additions
        if (made := made_of(child, value_of)) is not None
    ]
    return f"{{{','.join(members)}}}" if members else None
