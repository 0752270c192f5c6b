"""A `registry_server` for each installed server, because scripts must run on Redis and on Valkey."""

from collections.abc import Iterator

import pytest

from gateway.stack.registry.server import installed_binaries
from tests.support.registry_servers import RegistryServer


@pytest.fixture(
    scope="module",
    params=[binary for binary, _ in installed_binaries()],
    ids=[about.replace(" ", "-") for _, about in installed_binaries()],
)
def registry_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RegistryServer]:
    folder = tmp_path_factory.mktemp("registry")
    with RegistryServer(folder, binary=request.param) as server:
        yield server
