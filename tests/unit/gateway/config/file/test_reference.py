"""The reference page and the example are complete, and say what the models say."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.config.file.nodes import Items, Mapping, Node
from gateway.config.file.reference import reference
from gateway.config.file.schema import json_schema
from tests.support.configuration_files import mistakes_in
from tests.support.documents import ROOT, blocks
from tests.support.example_files import read_alone

PAGE = "docs/configuration-file.md"
#: Together they have every key.
EXAMPLES = [
    ROOT / f"docs/examples/{name}.yaml"
    for name in (
        "lockgate",
        "who-may-call",
        "jwt",
        "tls",
        "acme",
        "acme-own-authority",
        "validation",
        "cache",
        "composition",
        "compress",
        "splits",
        "transformation",
        "versions",
        "mirror",
    )
]


def keys_of(node: Node) -> Iterator[str]:
    if isinstance(node, Items):
        for one in node.nodes:
            yield from keys_of(one)
    if isinstance(node, Mapping):
        for key, entry in node.entries.items():
            yield key
            yield from keys_of(entry.node)


def test_the_page_is_what_the_models_say() -> None:
    """Write it again with `python -m gateway.config.file.reference > docs/configuration-file.md`."""
    assert (ROOT / PAGE).read_text() == reference()


def test_the_file_on_the_page_is_right() -> None:
    (small,) = blocks(PAGE, "yaml")
    assert mistakes_in(small.text) == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_are_right(example: Path) -> None:
    read = read_alone(example)
    assert read.mistakes == ()
    assert read.configuration is not None


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_name_their_schema_in_the_first_line(example: Path) -> None:
    assert example.read_text().startswith("# yaml-language-server: $schema=")


@pytest.mark.parametrize(
    "section", ["", *json_schema()["$defs"]], ids=lambda name: name or "Configuration"
)
def test_every_key_is_in_an_example(section: str) -> None:
    schema = json_schema()
    schema = schema["$defs"][section] if section else schema
    keys = {key for example in EXAMPLES for key in keys_of(read_alone(example).root)}
    assert set(schema["properties"]) <= keys
