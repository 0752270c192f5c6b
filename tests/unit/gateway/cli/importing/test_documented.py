"""docs/importing.md shows what the command prints."""

import pytest

from gateway.cli.importing.importing import Kind, imported_from
from gateway.cli.importing.writing import written
from tests.support.documents import blocks
from tests.unit.gateway.cli.importing.reading import FILES

EXAMPLES: dict[str, Kind] = {"nginx": "nginx", "Compose files": "compose", "Traefik": "traefik"}


@pytest.mark.parametrize(("heading", "kind"), EXAMPLES.items())
def test_an_example_is_imported_as_it_is_shown(heading: str, kind: Kind) -> None:
    given, shown = (block.text for block in blocks("docs/importing.md") if block.heading == heading)
    assert written(imported_from(given, FILES[kind], kind), FILES[kind]) == shown
