"""Validation beside the other policies of a route."""

import json

from tests.conftest import StartUpstream
from tests.http.configured.conftest import StartConfigured
from tests.http.configured.validate.test_requests import JSON, NEWER, post, started
from tests.support.described_services import Described, outcomes, read, register
from tests.support.raw_clients import exchange


async def test_a_client_that_names_a_version_is_held_against_its_document(
    start_configured: StartConfigured, start_upstream: StartUpstream
) -> None:
    text = """
        routes:
          - name: shop
            match: {prefix: /}
            service: order_service
            limits: null
            versions: {from: [{header: Accept-Version}], default: "1"}
            validate: enforce
    """
    configured = await start_configured(text, Described(), registers=False)
    newer = await start_upstream(Described(document=NEWER))
    await register(configured.gateway, configured.upstream, version="1.0.0")
    await register(configured.gateway, newer, "i2", version="2.0.0")
    await read(configured.gateway, 2)
    two = ("Content-Type: application/json", "Accept-Version: 2")
    assert (await post(configured, "/orders", {"id": 7})).status == 200
    assert (await post(configured, "/orders", {"id": "x"})).status == 400
    assert (await post(configured, "/orders", {"id": 7}, *two)).status == 400
    assert (await post(configured, "/orders", {"id": "x"}, *two)).status == 200


async def test_what_is_refused_is_neither_sent_nor_kept(start_configured: StartConfigured) -> None:
    text = """
        routes:
          - name: shop
            match: {prefix: /}
            service: order_service
            limits: null
            cache: {default_ttl: 1h}
            validate: enforce
    """
    configured, service = await started(
        start_configured,
        text,
        fields=(b"Content-Type: application/json", b"Cache-Control: max-age=60"),
    )
    for _ in range(2):
        assert (await configured.ask("/orders/seven")).status == 400
        assert (await configured.ask("/orders/7")).status == 200
    assert [target for target, _ in service.asked] == [b"/orders/7"]
    assert outcomes(configured.gateway) == {"invalid": 2, "valid": 1}


async def test_a_body_that_rules_have_changed_is_the_one_that_is_held(
    start_configured: StartConfigured,
) -> None:
    text = """
        routes:
          - name: shop
            match: {prefix: /}
            service: order_service
            limits: null
            request: {json: [{remove: /more}]}
            validate: enforce
    """
    configured, service = await started(start_configured, text)
    assert (await post(configured, "/orders", {"id": 7, "more": 1})).status == 200
    assert [json.loads(body) for _, body in service.asked] == [{"id": 7}]
    assert (await post(configured, "/orders", {"id": 7, "less": 1})).status == 400


async def test_a_coding_that_only_the_gateway_sees_hides_no_body(
    start_configured: StartConfigured,
) -> None:
    text = """
        routes:
          - {name: shop, match: {prefix: /}, service: order_service, limits: null, validate: enforce}
    """
    configured, service = await started(start_configured, text)
    coding = ("Content-Encoding: br", "Connection: close, Content-Encoding")
    refused = await post(configured, "/orders", {"id": "x"}, JSON, *coding)
    assert refused.status == 400
    assert service.asked == []


async def test_an_upgrade_is_held_by_its_head_alone(start_configured: StartConfigured) -> None:
    text = """
        routes:
          - {name: shop, match: {prefix: /}, service: order_service, limits: null, validate: enforce}
    """
    configured, _ = await started(start_configured, text)
    head = "Host: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    for path, status in (("/orders/seven", 400), ("/orders/7", 200), ("/socket", 200)):
        request = f"GET {path} HTTP/1.1\r\n{head}".encode()
        assert (await exchange(configured.gateway.port, request)).status == status


async def test_a_client_that_waits_for_100_continue_is_refused_by_its_body(
    start_configured: StartConfigured,
) -> None:
    text = """
        routes:
          - {name: shop, match: {prefix: /}, service: order_service, limits: null, validate: enforce}
    """
    configured, service = await started(start_configured, text)
    fields = ("Content-Type: application/json", "Expect: 100-continue")
    assert (await post(configured, "/orders", {"id": "x"}, *fields)).status == 400
    assert (await post(configured, "/orders", {"id": 7}, *fields)).status == 200
    assert [body for _, body in service.asked] == [b'{"id": 7}']


async def test_parts_of_a_composition_are_held_against_the_document_of_their_service(
    start_configured: StartConfigured,
) -> None:
    text = """
        services:
          order_service: {validate: enforce}
        routes:
          - name: page
            match: {path: "/page/{id}"}
            limits: null
            respond:
              compose:
                parts:
                  order: {service: order_service, path: "/orders/{path.id}"}
                  made:
                    service: order_service
                    method: POST
                    path: /orders
                    body: {id: "{parts.order./id}", more: "{query.more}"}
                    optional: true
    """
    configured, service = await started(
        start_configured, text.replace(', more: "{query.more}"', "")
    )
    answer = await configured.ask("/page/7")
    assert (answer.status, json.loads(answer.body)) == (
        200,
        {"order": {"id": 1}, "made": {"id": 1}},
    )
    refused = await configured.ask("/page/seven")
    assert (refused.status, json.loads(refused.body)["reason"]) == (400, "invalid_request")
    configured.write(text)
    assert (await configured.gateway.admin("POST", "/config/reload")).status == 200
    answer = await configured.ask("/page/7?more=1")
    assert answer.values(b"x-partial") == [b"made;reason=invalid_request"]
    assert [target for target, _ in service.asked] == [b"/orders/7", b"/orders", b"/orders/7"]
