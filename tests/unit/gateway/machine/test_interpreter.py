"""Whether the build of the Python that runs the gateway is optimised, by what it says of itself."""

import platform
import sys

import pytest

from gateway.machine.interpreter import description, is_optimised
from tests.support.interpreters import FROM_SOURCE, build_as

VERSION = f"CPython {platform.python_version()}"
DEBIAN = "'--enable-shared' '--prefix=/usr' '--without-ensurepip'"
# conda writes no space between them.
CONDA = "'--with-platlibdir=lib''--with-lto=full''--enable-optimizations''--disable-shared'"


@pytest.mark.parametrize(
    ("arguments", "optimised", "said"),
    [
        (f"{FROM_SOURCE} '--enable-optimizations'", True, ", optimised (PGO)"),
        (f"{FROM_SOURCE} '--with-lto' '--enable-optimizations'", True, ", optimised (PGO, LTO)"),
        (CONDA, True, ", optimised (PGO, LTO)"),
        (FROM_SOURCE, False, ", not optimised (no PGO)"),
        (f"{FROM_SOURCE} '--with-lto'", False, ", not optimised (no PGO)"),
        (None, None, ""),
    ],
)
def test_the_arguments_of_the_build_tell_it(
    arguments: str | None, optimised: bool | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_as(monkeypatch, arguments)
    assert is_optimised() is optimised
    assert description() == VERSION + said


@pytest.mark.parametrize(
    ("machine", "optimised"), [("x86_64", True), ("aarch64", True), ("riscv64", None)]
)
def test_debian_optimises_without_an_argument_on_most_machines(
    machine: str, optimised: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its Python was taken for one that is not optimised, by the arguments alone."""
    build_as(monkeypatch, DEBIAN, scheme="deb_system", prefix="/usr", machine=machine)
    assert is_optimised() is optimised


def test_of_another_distributions_nothing_is_said_without_the_argument(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    build_as(monkeypatch, "'--prefix=/usr'", prefix="/usr")
    assert is_optimised() is None
    assert description() == VERSION


def test_of_another_implementation_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    build_as(monkeypatch)
    monkeypatch.setattr(sys.implementation, "name", "pypy")
    assert is_optimised() is None
