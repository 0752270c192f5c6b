"""How a change of a process's code is noticed."""

from pathlib import Path

import pytest

from gateway.stack.changes import code
from gateway.stack.plan import GATEWAY, REGISTRY
from gateway.version import VERSION


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in (
        "gateway/cli",
        "gateway/hop",
        "services/price",
        "middlewares/limits",
        "discovery",
    ):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.py").write_text("1")
    monkeypatch.setattr(code, "_ROOT", tmp_path)
    return tmp_path


def codes() -> tuple[str, str]:
    code._digest.cache_clear()
    return code.code_of(GATEWAY), code.code_of("price_service")


def test_the_code_is_known_by_version_and_content_whatever_the_files_times() -> None:
    first = codes()
    assert first == codes()
    assert all(one.split()[0] == VERSION for one in first)
    assert code.code_of(REGISTRY) == ""


@pytest.mark.parametrize(
    ("changed", "gateways", "services"),
    [
        ("gateway/hop/proxy.py", True, False),
        ("services/price/a.py", False, True),
        ("discovery/a.py", True, True),
        ("middlewares/limits/rate_limit.lua", True, True),
        ("gateway/cli/a.py", False, False),
        ("discovery/notes.txt", False, False),
    ],
)
def test_a_change_concerns_those_that_run_it(
    checkout: Path, changed: str, gateways: bool, services: bool
) -> None:
    gateway, service = codes()
    (checkout / changed).write_text("2")
    now = codes()
    assert (now[0] != gateway, now[1] != service) == (gateways, services)


def test_the_libraries_are_those_that_it_runs_on_and_not_what_tests_need() -> None:
    libraries = " ".join(code._libraries())
    assert "aiohttp-3" in libraries
    assert "supervisor-" in libraries or "pydantic_settings-" in libraries
    assert "pytest" not in libraries
