"""How documents are fetched, kept and told of."""

import json

import pytest

from tests.conftest import StartUpstream
from tests.http.configured.conftest import StartConfigured
from tests.http.configured.test_what_survives import reload
from tests.http.configured.validate.test_requests import FILE, post, started
from tests.support.described_services import (
    DOCUMENT,
    Described,
    answer_outcomes,
    documents,
    outcomes,
    read,
    register,
    validating,
)
from tests.support.eventually import eventually


async def test_status_tells_of_documents_with_the_token_alone(
    start_configured: StartConfigured,
) -> None:
    configured, service = await started(start_configured)
    (found,) = await documents(configured.gateway)
    assert 0 <= found.pop("age_s") < 60
    assert found == {
        "service": "order_service",
        "version": None,
        "url": f"http://127.0.0.1:{configured.upstream.port}/openapi.json",
        "openapi": "3.1.0",
        "bytes": len(service.document),
        "operations": 2,
        "left_out": 0,
        "notes": [],
        "error": None,
    }
    assert "documents" not in (await configured.gateway.get("/status")).json()


async def test_a_new_instance_brings_a_new_document(
    start_configured: StartConfigured, start_upstream: StartUpstream
) -> None:
    configured, service = await started(start_configured)
    service.document = json.dumps({"openapi": "3.1.0", "paths": {}}).encode()
    again = await start_upstream(service)
    await register(configured.gateway, again, "i2")
    shelf = validating(configured.gateway).shelf
    await eventually(lambda: [one.size for one in shelf.kept.values()] == [len(service.document)])
    assert (await post(configured, "/orders", {"id": "x"})).status == 200
    assert outcomes(configured.gateway) == {"unknown_path": 1}


async def test_a_document_that_has_not_changed_is_not_sent_again(
    start_configured: StartConfigured, start_upstream: StartUpstream
) -> None:
    configured, service = await started(start_configured, etag=b'"one"')
    again = await start_upstream(service)
    await register(configured.gateway, again, "i2")
    await eventually(lambda: len(service.fetched) == 2)
    assert service.fetched[1].values(b"if-none-match") == [b'"one"']
    assert (await post(configured, "/orders", {"id": "x"})).status == 400


@pytest.mark.parametrize("document", [b"<html>", b'{"swagger": "2.0"}', b" " * 3_000_000])
async def test_the_last_good_document_stays(
    start_configured: StartConfigured, start_upstream: StartUpstream, document: bytes
) -> None:
    configured, service = await started(start_configured)
    service.document = document
    again = await start_upstream(service)
    await register(configured.gateway, again, "i2")
    shelf = validating(configured.gateway).shelf
    await eventually(lambda: all(one.error for one in shelf.kept.values()))
    (found,) = await documents(configured.gateway)
    assert found["error"]
    assert found["operations"] == 2
    assert (await post(configured, "/orders", {"id": "x"})).status == 400


async def test_a_document_without_anything_usable_says_why(
    start_configured: StartConfigured,
) -> None:
    bad = {"post": {"requestBody": {"$ref": "http://127.0.0.1:1/other.json"}}}
    service = Described(document=json.dumps({**DOCUMENT, "paths": {"/orders": bad}}).encode())
    configured = await start_configured(FILE, service, registers=False)
    await register(configured.gateway, configured.upstream)
    await read(configured.gateway)
    (found,) = await documents(configured.gateway)
    assert (found["operations"], found["left_out"]) == (0, 1)
    assert "is in another document, which is not fetched" in found["notes"][0]


async def test_no_document_is_fetched_where_no_route_wants_it(
    start_configured: StartConfigured,
) -> None:
    text = "routes: [{name: a, match: {}, service: order_service, limits: null}]\n"
    service = Described()
    configured = await start_configured(text, service, registers=False)
    await register(configured.gateway, configured.upstream)
    await reload(configured, FILE)
    await read(configured.gateway)
    assert (await post(configured, "/orders", {"id": "x"})).status == 400
    await reload(configured, text)
    assert (await post(configured, "/orders", {"id": "x"})).status == 200
    assert await documents(configured.gateway) == []


async def test_a_service_in_the_registry_with_an_address_of_another_is_not_asked(
    start_configured: StartConfigured,
) -> None:
    configured = await start_configured(FILE, registers=False)
    answer = await configured.gateway.admin(
        "PUT",
        "/services/order_service/instances/i1",
        json={
            "host": "127.0.0.1",
            "port": configured.upstream.port,
            "metadata": {"openapi_url": "http://10.0.0.1/openapi.json"},
        },
    )
    assert answer.status == 400
    assert "its host must be the instance's own, 127.0.0.1" in answer.json()["detail"]


RESPONSES = """
    routes:
      - name: shop
        match: {prefix: /}
        service: order_service
        limits: null
        validate: {mode: report, responses: report}
"""


@pytest.mark.parametrize(
    ("answer", "fields", "outcome"),
    [
        (b'{"id": 1}', (b"Content-Type: application/json",), "valid"),
        (b'{"id": "x"}', (b"Content-Type: application/json",), "invalid"),
        (b"id 1", (b"Content-Type: text/plain",), "unchecked"),
        (b"\x00" * 10, (b"Content-Type: application/json", b"Content-Encoding: gzip"), "unchecked"),
        (b"[" + b"1," * 600_000 + b"1]", (b"Content-Type: application/json",), "unchecked"),
    ],
)
async def test_answers_are_reported_and_pass_as_they_are(
    start_configured: StartConfigured, answer: bytes, fields: tuple[bytes, ...], outcome: str
) -> None:
    configured, _ = await started(start_configured, RESPONSES, answer=answer, fields=fields)
    got = await configured.ask("/orders/7")
    assert (got.status, got.body) == (200, answer)
    await eventually(lambda: answer_outcomes(configured.gateway) == {outcome: 1})


async def test_metrics_tell_of_requests_answers_and_documents(
    start_configured: StartConfigured,
) -> None:
    configured, _ = await started(start_configured, RESPONSES)
    await configured.ask("/orders/seven")
    text = (await configured.gateway.get("/metrics")).body.decode()
    assert 'gateway_validated_requests_total{outcome="invalid",service="order_service"} 1.0' in text
    assert 'gateway_validated_answers_total{outcome="valid",service="order_service"} 1.0' in text
    assert 'gateway_openapi_age_seconds{service="order_service",version=""}' in text
