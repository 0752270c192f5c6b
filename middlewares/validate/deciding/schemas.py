"""Compiled schemas: the library says whether a value fits, and this package says why it does not."""

from collections.abc import Callable
from typing import Any

from middlewares.validate.deciding.compiling import compiled
from middlewares.validate.deciding.explaining import explain
from middlewares.validate.deciding.references import LeftOut
from middlewares.validate.deciding.translating import Bundle, Translator
from middlewares.validate.deciding.types import Kinds

#: Each operation has its own copy of the schemas that it needs; so many are compiled for one document.
#: A thousand take about 0.7 MiB.
MOST_NODES_OF_ALL = 50_000


class CompiledSchema:
    """Says whether a value fits."""

    __slots__ = ("_bundle", "_kinds", "fits", "has_fractions", "is_free", "kinds", "most_depth")

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self.most_depth = bundle.most_depth
        self.has_fractions = bundle.has_fractions
        self._kinds = Kinds(bundle.defs)
        self.kinds = self._kinds.of(bundle.schema)
        #: Nothing is asked of a value.
        self.is_free = bundle.schema is True or bundle.schema == {}
        self.fits: Callable[[Any], bool] = compiled(bundle.whole).is_valid

    @property
    def items(self) -> frozenset[str]:
        """The types of each item of an array."""
        return self._kinds.items_of(self._bundle.schema)

    @property
    def properties(self) -> dict[str, frozenset[str]]:
        """The types of each property of an object."""
        return self._kinds.properties_of(self._bundle.schema)

    @property
    def takes_any_text(self) -> bool:
        """Whether every text fits."""
        return self.is_free or self._bundle.schema == {"type": "string"}

    def explain(self, value: Any) -> list[tuple[str, str]]:
        """Where a value does not fit, as a pointer, and what is expected there; at least one."""
        bundle = self._bundle
        found = explain(bundle.schema, bundle.defs, self._kinds, value)
        return found or [("", "what the document describes")]


class SchemaBook:
    """Compiles the schemas of a document for one direction; equal ones share their definitions."""

    def __init__(self, translator: Translator) -> None:
        self.translator = translator
        self._nodes = 0

    def compile(self, schema: object) -> CompiledSchema:
        """Raises LeftOut."""
        bundle = self.translator.bundle(schema)
        if self._nodes + bundle.nodes > MOST_NODES_OF_ALL:
            raise LeftOut(f"the operations before it have {MOST_NODES_OF_ALL} schemas already")
        self._nodes += bundle.nodes
        return CompiledSchema(bundle)
