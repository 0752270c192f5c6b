"""The event loops for these tests."""

from tests.support.loops import pytest_asyncio_loop_factories as pytest_asyncio_loop_factories
