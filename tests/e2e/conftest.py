"""Fixtures: installations of the wheel, one of each kind for all tests."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.installs import Install, build_wheel, install_as_told, install_bare, install_full


@pytest.fixture(scope="session")
def package_index() -> None:
    """Skip tests without pip's package index, which building and installing need."""
    command = [sys.executable, "-m", "pip", "--retries", "0", "--timeout", "5"]
    asked = subprocess.run(
        [*command, "index", "versions", "setuptools"], capture_output=True, text=True, check=False
    )
    if asked.returncode != 0:
        why = asked.stderr.strip().rpartition("\n")[2]
        pytest.skip(f"pip can't reach its package index: {why}")


@pytest.fixture(scope="session")
def wheel(package_index: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout. Tests that use it are in the xdist group `packages`."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Install:
    """`pip install lockgate`, without the extra."""
    return install_bare(tmp_path_factory.mktemp("bare"), wheel)


@pytest.fixture(scope="session")
def full(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Install:
    """`pip install "lockgate[gateway]"`."""
    return install_full(tmp_path_factory.mktemp("full"), wheel)


@pytest.fixture(scope="session")
def as_told(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Install:
    """`pip install "lockgate[gateway,embedded]"` with nothing borrowed; tests may install more in it."""
    return install_as_told(tmp_path_factory.mktemp("as_told"), wheel)
