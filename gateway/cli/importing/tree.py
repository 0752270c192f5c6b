"""A tree of what a file says, whose keys and values know their lines."""

from dataclasses import dataclass, field

from gateway.cli.importing.model import Place

MAX_DEPTH = 32
MAX_NODES = 200_000


@dataclass(frozen=True, slots=True)
class Text:
    """A value that is neither a list nor a table, as it is spelled."""

    place: Place
    value: str


@dataclass(frozen=True, slots=True)
class Items:
    place: Place
    nodes: list["Node"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Entry:
    place: Place
    node: "Node"


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping; keys are found in any case where they are not there as they are spelled."""

    place: Place
    entries: dict[str, Entry] = field(default_factory=dict)

    def entry(self, key: str) -> Entry | None:
        if key in self.entries:
            return self.entries[key]
        wanted = key.lower()
        return next((one for name, one in self.entries.items() if name.lower() == wanted), None)

    def get(self, *path: str) -> "Node | None":
        """What is there, through the tables on the way; None if there is nothing."""
        node: Node | None = self
        for key in path:
            entry = node.entry(key) if isinstance(node, Table) else None
            node = entry.node if entry is not None else None
        return node

    def table(self, *path: str) -> "Table":
        """The table there; an empty one if there is none."""
        node = self.get(*path)
        return node if isinstance(node, Table) else Table(self.place)

    def text(self, *path: str) -> str:
        """The text there; empty if there is none."""
        node = self.get(*path)
        return node.value.strip() if isinstance(node, Text) else ""

    def texts(self, *path: str) -> list[str]:
        """The list of texts there; a text is split at its commas, as in labels."""
        node = self.get(*path)
        if isinstance(node, Items):
            return [one.value.strip() for one in node.nodes if isinstance(one, Text)]
        if isinstance(node, Text):
            return [part.strip() for part in node.value.split(",") if part.strip()]
        return []

    def tables(self, *path: str) -> list["Table"]:
        node = self.get(*path)
        nodes = node.nodes if isinstance(node, Items) else []
        return [one for one in nodes if isinstance(one, Table)]

    def place_of(self, key: str) -> Place:
        entry = self.entry(key)
        return entry.place if entry is not None else self.place


Node = Text | Items | Table
