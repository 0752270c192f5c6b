"""The examples in the docstrings of the Python API, run against a real registry."""

import doctest
import io
from types import ModuleType

import pytest

from discovery.announcing import aiohttp_app, any_program
from discovery.client import async_registry, registry


def examples() -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder()
    found = [finder.find(module) for module in (registry, async_registry, aiohttp_app, any_program)]
    return [test for tests in found for test in tests if test.examples]


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_the_example_does_what_it_says(
    example: doctest.DocTest, registry_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", registry_url)
    # The registry object outlives the example and would not believe that the data is gone.
    monkeypatch.setenv("REGISTRY_NAMESPACE", example.name)
    report = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    outcome = runner.run(example, out=report.write)
    assert outcome.attempted > 0
    assert outcome.failed == 0, report.getvalue()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (registry, "ServiceRegistry"),
        (registry, "ServiceRegistry.instances"),
        (registry, "get_service_registry"),
        (async_registry, "AsyncServiceRegistry"),
        (async_registry, "AsyncServiceRegistry.instances"),
        (async_registry, "AsyncServiceRegistry.watch"),
        (aiohttp_app, "announce"),
        (any_program, "announced"),
    ],
)
def test_what_a_user_begins_with_has_an_example(module: ModuleType, name: str) -> None:
    assert f"{module.__name__}.{name}" in {example.name for example in examples()}
