"""What it takes to hold a request against a document, without sockets and with no two requests alike.

The document is FastAPI-like: a body of 1 KiB with a list of objects, two parameters of the query, one header. Times
are of the process (CPU), the least of several rounds.
"""

import asyncio
import gc
from collections.abc import Callable
from functools import partial
from time import process_time
from typing import Any

import orjson
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from bench.report import Bar, Report
from bench.stage import Stage
from discovery.base.steps import at_once
from discovery.model.instance import Instance
from discovery.view.view import Entry, View
from middlewares.exchange import EXCHANGE, Exchange
from middlewares.failures import InvalidRequest
from middlewares.header_section import HeaderSection
from middlewares.routing.policy import RoutePolicy
from middlewares.routing.route import Route
from middlewares.validate.counting import ValidationCounts
from middlewares.validate.deciding.bodies import Content
from middlewares.validate.deciding.documents import Document, compiling, read_document
from middlewares.validate.deciding.json_bodies import read_json
from middlewares.validate.deciding.operations import Asked
from middlewares.validate.layer import Means, validate_middleware
from middlewares.validate.policy import ValidatePolicy
from middlewares.validate.reporting import Reports
from middlewares.validate.sent_fields import SentFields
from middlewares.validate.shelf import Kept, Shelf

BODY = Bar("a JSON body of 1 KiB held against its schema", 15, " µs")
WHOLE = Bar("a request with it, all of the layer", 30, " µs")
#: The longest that all other requests wait for one.
STALL = Bar("a body of 1 MiB with 26,000 wrong items is refused within", 100, " ms")

ITEM = {
    "type": "object",
    "required": ["sku", "price"],
    "properties": {
        "sku": {"type": "string", "pattern": "^[A-Z0-9-]+$", "maxLength": 20},
        "price": {"type": "number", "minimum": 0},
        "count": {"type": "integer", "minimum": 1},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}
ORDER = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "items"],
    "properties": {
        "id": {"type": "string"},
        "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "kind": {"enum": ["buy", "sell"]},
        "items": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}},
    },
}
PARAMETERS = [
    {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 100}},
    {"name": "tag", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
    {"name": "X-Plan", "in": "header", "schema": {"enum": ["gold", "tin"]}},
]
DOCUMENT = {
    "openapi": "3.1.0",
    "paths": {
        "/orders": {
            "post": {
                "parameters": PARAMETERS,
                "requestBody": {
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Order"}}
                    }
                },
            }
        }
    },
    "components": {"schemas": {"Order": ORDER, "Item": ITEM}},
}
FIELDS = [
    (b"Host", b"shop.example"),
    (b"User-Agent", b"prices/2.4 (linux)"),
    (b"Accept", b"application/json"),
    (b"Content-Type", b"application/json"),
    (b"X-Plan", b"gold"),
]
ROUNDS = 7


def order(number: int, items: int = 16) -> dict[str, Any]:
    """An order like no other, of about 1 KiB."""
    lines = [
        {"sku": f"AB-{number}-{n}", "price": 1.5 + n, "count": n + 1, "tags": ["a", "bcd"]}
        for n in range(items)
    ]
    return {"id": f"order-{number}", "note": None, "kind": "buy", "items": lines}


def run(stage: Stage) -> None:
    """The parts, the whole, and the worst that a client can do."""
    report, number = stage.report, 2_000 if stage.quick else 10_000
    document = at_once(compiling(read_document(orjson.dumps(DOCUMENT))))
    bodies = [orjson.dumps(order(n)) for n in range(number)]
    spaced = [orjson.dumps(order(n), option=orjson.OPT_INDENT_2) for n in range(number)]
    report.title(f"A request with a JSON body of {len(bodies[0]):,} bytes, in µs of CPU")
    rows = _parts(document, bodies, spaced)
    report.table(("part", "µs"), [(name, f"{us:.2f}") for name, us in rows.items()])
    report.bar(BODY, rows["the body: read, and held against its schema"])
    report.bar(WHOLE, rows["the whole layer"])
    _worst(report, document)


def _parts(document: Document, bodies: list[bytes], spaced: list[bytes]) -> dict[str, float]:
    match = document.find("POST", "/orders")
    assert match is not None
    operation = match.operation
    content = operation.content
    assert content is not None
    schema = content.schemas["application/json"]
    assert schema is not None
    values = [orjson.loads(body) for body in bodies]
    fields = {name.lower(): [value] for name, value in FIELDS}
    queries = [f"limit={n % 100 + 1}&tag=a{n}&tag=b" for n in range(len(bodies))]

    def of(name: bytes) -> list[bytes]:
        return fields.get(name, [])

    return {
        "JSON alone (orjson)": _timed(lambda n: orjson.loads(bodies[n]), len(bodies)),
        "the body is read, with a look for names that come twice": _timed(
            lambda n: read_json(bodies[n]), len(bodies)
        ),
        "the same, where it has spaces": _timed(lambda n: read_json(spaced[n]), len(bodies)),
        "the schema alone (jsonschema-rs)": _timed(lambda n: schema.fits(values[n]), len(bodies)),
        "the body: read, and held against its schema": _timed(
            lambda n: content.check(bodies[n], True, of), len(bodies)
        ),
        "the path is found": _timed(lambda n: document.find("POST", "/orders"), len(bodies)),
        "query and header": _timed(
            lambda n: operation.check(Asked(queries[n], of, None, False), {}), len(bodies)
        ),
        "the fields are read": _timed(
            lambda n: SentFields(_exchange(queries[n], b""))(b"content-type"), len(bodies)
        )
        - _timed(lambda n: _exchange(queries[n], b""), len(bodies)),
        "the whole layer": asyncio.run(_layer(document, bodies, queries)),
    }


def _timed(call: Callable[[int], object], number: int) -> float:
    """The µs of a call, the least of several rounds."""
    least = float("inf")
    for _ in range(ROUNDS):
        gc.collect()
        began_s = process_time()
        for n in range(number):
            call(n)
        least = min(least, (process_time() - began_s) / number)
    return least * 1e6


def _exchange(query: str, body: bytes, validate: ValidatePolicy | None = None) -> Exchange:
    section = HeaderSection([*FIELDS, (b"Content-Length", b"%d" % len(body))])
    section.body_length = len(body)
    target = f"/orders?{query}"
    exchange = Exchange("id", 0.0, "127.0.0.1", section, None, target, "/orders")
    exchange.route = Route("orders", "order_service", "", RoutePolicy(validate=validate))
    exchange.body = body
    return exchange


async def _layer(document: Document, bodies: list[bytes], queries: list[str]) -> float:
    """All of the layer around a handler that does nothing, less the same without the policy."""
    instance = Instance("order_service", "i1", "127.0.0.1", 1, metadata={"openapi_url": "/o"})
    view = View(services={"order_service": {instance.key: Entry(instance, 0)}})
    shelf = Shelf(lambda: view)
    shelf.kept["order_service", None] = Kept({False: document})

    async def read_nothing(_request: web.Request, _exchange: Exchange, _most: int) -> None: ...

    means = Means(
        shelf=shelf,
        counts=ValidationCounts(),
        reports=Reports(),
        read_body=read_nothing,
        read_answer=lambda _answer, _sink: None,
        target_of=lambda exchange: exchange.target,
    )
    layer: Any = validate_middleware(means)
    answer = web.Response()
    request = make_mocked_request("POST", "/orders")

    async def handler(_request: web.Request) -> web.StreamResponse:
        return answer

    async def least_us(policy: ValidatePolicy | None) -> float:
        least = float("inf")
        for _ in range(ROUNDS):
            exchanges = [
                _exchange(query, body, policy) for query, body in zip(queries, bodies, strict=True)
            ]
            gc.collect()
            began_s = process_time()
            for exchange in exchanges:
                request[EXCHANGE] = exchange
                await layer(request, handler)
            least = min(least, (process_time() - began_s) / len(exchanges))
        return least * 1e6

    enforced = ValidatePolicy("enforce")
    request[EXCHANGE] = _exchange("limit=1", b'{"id": 1}', enforced)
    try:
        await layer(request, handler)
    except InvalidRequest:
        return await least_us(enforced) - await least_us(None)
    raise AssertionError("the layer looks at no body")


def _worst(report: Report, document: Document) -> None:
    """Large bodies, good and bad: all else waits for as long."""
    match = document.find("POST", "/orders")
    assert match is not None
    content = match.operation.content
    assert content is not None
    good = orjson.dumps(order(1, 12_500))
    bad = orjson.dumps({"id": "1", "items": [{"sku": 1, "price": -1, "count": "x"}] * 26_000})
    twice = good[:-1] + b',"id":"2"}'
    rows = []
    for about, body in (
        ("fits", good),
        ("26,000 wrong items", bad),
        ("a name comes twice", twice),
        ("brackets alone", b"[" * 500_000 + b"]" * 500_000),
    ):
        took_us = _timed(partial(_checked, content, body), 1)
        rows.append((about, f"{len(body):,}", f"{took_us / 1000:.1f}"))
        if about.startswith("26,000"):
            report.bar(STALL, took_us / 1000)
    report.title("The largest bodies, in ms")
    report.table(("body", "bytes", "ms"), rows)


def _checked(content: Content, body: bytes, _number: int) -> object:
    return content.check(body, True, lambda _: [b"application/json"])
