"""Requests held against the document of their service, over a real gateway."""

import gzip
import json
from typing import Any

import pytest

from tests.conftest import StartUpstream
from tests.http.configured.conftest import Configured, StartConfigured
from tests.support.described_services import (
    Described,
    documents,
    outcomes,
    read,
    register,
    validating,
)
from tests.support.eventually import eventually
from tests.support.raw_clients import RawAnswer, exchange
from tests.support.upstreams import ScriptedUpstream

FILE = """
    routes:
      - {name: shop, match: {prefix: /}, service: order_service, limits: null, validate: enforce}
      - name: seen
        match: {prefix: /seen}
        service: order_service
        limits: null
        rewrite: {strip: /seen}
        validate: report
      - {name: free, match: {prefix: /free}, service: order_service, limits: null, rewrite: {strip: /free}}
      - name: strict
        match: {prefix: /strict}
        service: order_service
        limits: null
        rewrite: {strip: /strict}
        validate: {mode: enforce, unknown_paths: refuse, unchecked: refuse}
"""
JSON = "Content-Type: application/json"


async def started(
    start_configured: StartConfigured, text: str = FILE, **described: Any
) -> tuple[Configured, Described]:
    """A gateway with the file, whose service's document is in use."""
    service = Described(**described)
    configured = await start_configured(text, service, registers=False)
    await register(configured.gateway, configured.upstream)
    await read(configured.gateway)
    return configured, service


async def post(configured: Configured, path: str, value: Any, *fields: str) -> RawAnswer:
    body = value if isinstance(value, str) else json.dumps(value)
    return await configured.ask(path, *(fields or (JSON,)), method="POST", body=body)


async def test_what_fits_passes_and_what_does_not_is_refused_with_the_places(
    start_configured: StartConfigured,
) -> None:
    configured, service = await started(start_configured)
    assert (await post(configured, "/orders", {"id": 7})).status == 200
    assert service.asked == [(b"/orders", b'{"id": 7}')]
    refused = await post(configured, "/orders", {"id": "x", "more": 1})
    assert refused.status == 400
    problem = json.loads(refused.body)
    assert problem["reason"] == "invalid_request"
    assert problem["errors"] == [
        {"in": "body", "pointer": "/id", "expected": "type integer"},
        {"in": "body", "pointer": "/more", "expected": "no member of this name"},
    ]
    assert "body /id: expected type integer, and 1 more" in problem["detail"]
    assert len(service.asked) == 1
    assert outcomes(configured.gateway) == {"valid": 1, "invalid": 1}


async def test_a_path_and_a_header_are_held_too(start_configured: StartConfigured) -> None:
    configured, _ = await started(start_configured)
    assert (await configured.ask("/orders/7?x=1")).status == 200
    assert (await configured.ask("/orders/seven")).status == 400
    refused = await configured.ask("/orders/7", "X-Plan: tin")
    assert json.loads(refused.body)["errors"] == [
        {"in": "header", "name": "X-Plan", "expected": '"gold"'}
    ]


async def test_nothing_of_a_value_comes_back_nor_gets_into_the_log(
    start_configured: StartConfigured, capfd: pytest.CaptureFixture[str]
) -> None:
    configured, _ = await started(start_configured)
    refused = await post(configured, "/orders", {"id": 1, "password": "hunter2", "hunter3": 1})
    assert refused.status == 400
    assert b"hunter2" not in refused.body
    assert "validation.request" in (shown := "".join(capfd.readouterr()))
    assert "hunter" not in shown


async def test_with_report_all_passes_and_is_counted(start_configured: StartConfigured) -> None:
    configured, service = await started(start_configured)
    assert (await post(configured, "/seen/orders", {"id": "x"})).status == 200
    assert service.asked == [(b"/orders", b'{"id": "x"}')]
    assert outcomes(configured.gateway) == {"invalid": 1}


async def test_a_route_without_it_is_not_looked_at(start_configured: StartConfigured) -> None:
    configured, _ = await started(start_configured)
    assert (await post(configured, "/free/orders", {"id": "x"})).status == 200
    assert outcomes(configured.gateway) == {}


async def test_what_the_document_does_not_have_passes_unless_the_route_refuses_it(
    start_configured: StartConfigured,
) -> None:
    configured, _ = await started(start_configured)
    assert (await configured.ask("/nowhere")).status == 200
    assert (await configured.ask("/strict/nowhere")).status == 400
    assert outcomes(configured.gateway) == {"unknown_path": 2}


async def test_a_body_over_the_bound_passes_whole_unless_the_route_refuses_it(
    start_configured: StartConfigured,
) -> None:
    configured, service = await started(start_configured)
    body = json.dumps({"id": "x" * 1024 * 1024})
    assert (await post(configured, "/orders", body)).status == 200
    assert service.asked == [(b"/orders", body.encode())]
    refused = await post(configured, "/strict/orders", body)
    assert refused.status == 413
    assert outcomes(configured.gateway) == {"too_large": 2}


async def test_a_body_with_too_many_numbers_passes_unless_the_route_refuses_it(
    start_configured: StartConfigured,
) -> None:
    content = {"application/json": {"schema": {"items": {"minimum": 0.5}}}}
    paths = {"/orders": {"post": {"requestBody": {"content": content}}}}
    document = json.dumps({"openapi": "3.1.0", "paths": paths}).encode()
    configured, _ = await started(start_configured, document=document)
    assert (await post(configured, "/orders", [0.1] * 6000)).status == 200
    refused = await post(configured, "/strict/orders", [0.1] * 6000)
    assert refused.status == 400
    assert "too many values to be checked" in json.loads(refused.body)["detail"]
    assert outcomes(configured.gateway) == {"too_many": 2}


@pytest.mark.parametrize("value", [{"id": 7}, {"id": "x"}])
async def test_a_body_in_chunks_is_held_too(start_configured: StartConfigured, value: Any) -> None:
    configured, service = await started(start_configured)
    body = json.dumps(value).encode()
    chunks = b"".join(b"1\r\n%c\r\n" % one for one in body) + b"0\r\n\r\n"
    head = b"POST /orders HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
    request = head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks
    answer = await exchange(configured.gateway.port, request)
    assert answer.status == (200 if value == {"id": 7} else 400)
    assert service.asked == ([(b"/orders", body)] if answer.status == 200 else [])


@pytest.mark.parametrize(("value", "status"), [({"id": 7}, 200), ({"id": "x"}, 400)])
async def test_a_compressed_body_is_read_and_passes_as_it_came(
    start_configured: StartConfigured, value: Any, status: int
) -> None:
    configured, service = await started(start_configured)
    body = gzip.compress(json.dumps(value).encode()).decode("latin-1")
    answer = await post(configured, "/orders", body, JSON, "Content-Encoding: gzip")
    assert answer.status == status
    assert service.asked == ([(b"/orders", body.encode("latin-1"))] if status == 200 else [])


async def test_a_body_that_cannot_be_read_passes_unless_the_route_refuses_it(
    start_configured: StartConfigured,
) -> None:
    configured, _ = await started(start_configured)
    fields = (JSON, "Content-Encoding: own")
    assert (await post(configured, "/orders", {"id": "x"}, *fields)).status == 200
    assert (await post(configured, "/strict/orders", {"id": "x"}, *fields)).status == 400
    bomb = gzip.compress(b" " * 20_000_000).decode("latin-1")
    fields = (JSON, "Content-Encoding: gzip")
    assert (await post(configured, "/strict/orders", bomb, *fields)).status in (400, 413)


async def test_requests_pass_until_the_document_is_there(
    start_configured: StartConfigured,
) -> None:
    service = Described(status=b"503 Service Unavailable")
    configured = await start_configured(FILE, service, registers=False)
    await register(configured.gateway, configured.upstream)
    assert (await post(configured, "/orders", {"id": "x"})).status == 200
    assert outcomes(configured.gateway) == {"no_document": 1}
    kept = validating(configured.gateway).shelf.kept
    await eventually(lambda: any(one.error for one in kept.values()))
    (found,) = await documents(configured.gateway)
    assert found["error"] == "GET /openapi.json answers 503, expected 200"


async def test_a_service_that_names_no_document_is_not_held(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE)
    assert (await post(configured, "/orders", {"id": "x"})).status == 200
    assert outcomes(configured.gateway) == {"no_document": 1}
    assert await documents(configured.gateway) == []


async def test_what_rules_change_is_what_is_held(start_configured: StartConfigured) -> None:
    text = """
        routes:
          - name: shop
            match: {prefix: /shop}
            service: order_service
            limits: null
            rewrite: {strip: /shop}
            request: {headers: {set: {X-Plan: gold}}}
            validate: enforce
    """
    configured, _ = await started(start_configured, text)
    assert (await configured.ask("/shop/orders/7", "X-Plan: tin")).status == 200
    assert (await configured.ask("/shop/orders/seven")).status == 400


async def test_discovered_routes_have_it_from_defaults(start_configured: StartConfigured) -> None:
    configured, _ = await started(start_configured, "defaults: {validate: enforce}\n")
    assert (await configured.ask("/api/order/orders/seven")).status == 400
    assert (await configured.ask("/api/order/orders/7")).status == 200


NEWER = json.dumps(
    {
        "openapi": "3.0.3",
        "paths": {
            "/orders": {
                "post": {
                    "requestBody": {
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "properties": {"id": {"type": "string"}},
                                    "required": ["id"],
                                }
                            }
                        }
                    }
                }
            }
        },
    }
).encode()


async def test_of_several_versions_one_that_takes_the_request_is_enough(
    start_configured: StartConfigured, start_upstream: StartUpstream
) -> None:
    service = Described()
    configured = await start_configured(FILE, service, registers=False)
    newer: ScriptedUpstream = await start_upstream(Described(document=NEWER))
    await register(configured.gateway, configured.upstream, version="1.0.0")
    await register(configured.gateway, newer, "i2", version="2.0.0")
    await read(configured.gateway, 2)
    for value, status in (({"id": 7}, 200), ({"id": "x"}, 200), ({"id": None}, 400)):
        assert (await post(configured, "/orders", value)).status == status
    found = await documents(configured.gateway)
    assert [one["version"] for one in found] == ["1.0.0", "2.0.0"]
    await configured.gateway.admin("DELETE", "/services/order_service/instances/i2")
    await read(configured.gateway, 1)
    assert (await post(configured, "/orders", {"id": "x"})).status == 400
