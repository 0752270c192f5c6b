"""The layer by itself, where no gateway gets it to."""

import subprocess
import sys
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from discovery.model.instance import Instance
from discovery.view.view import Entry, View
from middlewares.exchange import EXCHANGE, Exchange
from middlewares.failures import InvalidRequest
from middlewares.header_section import HeaderSection
from middlewares.routing.policy import RoutePolicy
from middlewares.routing.route import Route
from middlewares.validate.counting import ValidationCounts
from middlewares.validate.deciding.operations import Operation
from middlewares.validate.layer import Means, validate_middleware
from middlewares.validate.policy import ValidatePolicy
from middlewares.validate.reporting import Reports
from middlewares.validate.shelf import Kept, Shelf
from tests.support.openapi import with_parameter

ANSWER = web.Response()


async def held(policy: ValidatePolicy, counts: ValidationCounts) -> web.StreamResponse:
    """What the layer makes of a request for an operation that can't be looked at."""
    instance = Instance("orders", "i1", "127.0.0.1", 1, metadata={"openapi_url": "/o"})
    view = View(services={"orders": {instance.key: Entry(instance, 0)}})
    shelf = Shelf(lambda: view)
    document = with_parameter(name="n", **{"in": "query"}, schema={"type": "integer"})
    shelf.kept["orders", None] = Kept({False: document})

    async def read_nothing(_request: web.Request, _exchange: Exchange, _most: int) -> None: ...

    def target_of(_exchange: Exchange) -> str:
        return "/?n=1"

    means = Means(shelf, counts, Reports(), read_nothing, lambda *_: None, target_of)
    request = make_mocked_request("GET", "/")
    section = HeaderSection([(b"Host", b"h")])
    exchange = Exchange("id", 0.0, "127.0.0.1", section, None, "/?n=1", "/")
    exchange.route = Route("shop", "orders", "", RoutePolicy(validate=policy))
    request[EXCHANGE] = exchange

    async def handler(_request: web.Request) -> web.StreamResponse:
        return ANSWER

    layer: Any = validate_middleware(means)
    answer: web.StreamResponse = await layer(request, handler)
    return answer


async def test_a_mistake_of_the_gateway_breaks_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = ValidationCounts()
    assert await held(ValidatePolicy("enforce"), counts) is ANSWER
    monkeypatch.setattr(Operation, "check", property(lambda _: 1 / 0))
    assert await held(ValidatePolicy("enforce"), counts) is ANSWER
    with pytest.raises(InvalidRequest):
        await held(ValidatePolicy("enforce", unchecked="refuse"), counts)
    assert counts.requests == {("orders", "valid"): 1, ("orders", "failed"): 2}


def test_the_library_is_loaded_with_the_first_document_alone() -> None:
    code = "import sys, gateway.worker.validating; print('jsonschema_rs' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
