"""The event loops that tests run on: a conftest imports the hook for the tests of its folder."""

import asyncio
from collections.abc import Callable, Mapping
from importlib.util import find_spec

import pytest

from gateway.process.start import new_event_loop

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, LoopFactory]:
    """The gateway's own loop; with the mark `both_loops`, also the one that it uses without uvloop."""
    if item.get_closest_marker("both_loops") and find_spec("uvloop") is not None:
        return {"uvloop": new_event_loop, "asyncio": asyncio.new_event_loop}
    return {"product": new_event_loop}
