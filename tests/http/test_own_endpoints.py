"""The gateway's own endpoints: what it tells about itself and the services, and the registration API."""

import asyncio
import json
import os
import re
import stat
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from discovery import AsyncServiceRegistry, InvalidRegistration
from discovery.store import scripts
from tests.conftest import StartGateway, StartUpstream
from tests.support.eventually import eventually
from tests.support.gateway_processes import gateway_process, until
from tests.support.gateways import ADMIN_TOKEN, Answer, RunningGateway
from tests.support.ipv6 import NEEDS_IPV6
from tests.support.raw_clients import RawClient, exchange
from tests.support.registry_servers import RegistryServer, free_port
from tests.support.upstreams import Received

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
INSTANCE = "/services/orders_service/instances/i1"
BODY = {"host": "127.0.0.1", "port": 8101}
INSTANCE_KEYS = [
    *("id", "name", "host", "port", "scheme", "url", "health_check_url", "status"),
    *("version", "weight", "metadata", "registered_at", "last_heartbeat"),
]


async def is_listed(gateway: RunningGateway, name: str, status: str) -> bool:
    answer = await gateway.get(f"/services/{name}")
    assert answer.status == 200
    return bool(answer.json()["instances"][0]["status"] == status)


# Health and readiness


async def test_health_says_that_the_process_lives(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()

    answer = await gateway.get("/health")

    assert answer.status == 200
    assert answer.json() == {"status": "healthy", "service": "api_gateway"}
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Server"] == "lockgate"


async def test_an_empty_view_is_a_view(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()

    assert (await gateway.get("/ready")).status == 200
    assert (await gateway.get("/services")).json() == {"count": 0, "services": []}


@pytest.mark.parametrize("path", ["/", "/health", "/ready", "/status", "/metrics", "/services"])
async def test_head_is_answered_like_get_without_the_body(
    start_gateway: StartGateway, path: str
) -> None:
    gateway = await start_gateway()
    client = await RawClient.connect(gateway.port)

    await client.send(b"HEAD %b HTTP/1.1\r\nHost: h\r\n\r\n" % path.encode())
    head = await client.answer(to_head=True)
    await client.send(b"GET /health HTTP/1.1\r\nHost: h\r\n\r\n")
    after = await client.answer()

    assert head.status == 200
    assert int(head.values(b"content-length")[0]) > 0
    assert after.body.startswith(b'{"status":"healthy"')
    await client.close()


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/", "GET,HEAD"),
        ("POST", "/health", "GET,HEAD"),
        ("DELETE", "/ready", "GET,HEAD"),
        ("PUT", "/status", "GET,HEAD"),
        ("PATCH", "/metrics", "GET,HEAD"),
        ("POST", "/services", "GET,HEAD"),
        ("DELETE", "/services/orders_service", "GET,HEAD"),
        ("GET", INSTANCE, "DELETE,PUT"),
        ("OPTIONS", INSTANCE, "DELETE,PUT"),
        ("GET", INSTANCE + "/drain", "POST"),
        ("PUT", INSTANCE + "/heartbeat", "POST"),
        ("GET", "/heartbeats", "POST"),
    ],
)
async def test_a_wrong_method_is_told_which_are_right(
    start_gateway: StartGateway, method: str, path: str, allowed: str
) -> None:
    gateway = await start_gateway()

    answer = await gateway.request(method, path)

    assert (answer.status, answer.reason) == (405, "method_not_allowed")
    assert re.split(r",\s*", answer.headers["Allow"]) == allowed.split(",")


@pytest.mark.parametrize("path", ["/nothing", "/health/", "/services/", "/services/a/b", "//"])
async def test_a_path_that_is_not_there_is_a_problem_document(
    start_gateway: StartGateway, path: str
) -> None:
    gateway = await start_gateway()

    answer = await gateway.request("GET", path)

    assert (answer.status, answer.reason) == (404, "route_not_found")
    assert answer.json()["correlation_id"] == answer.headers["X-Correlation-ID"]


@pytest.mark.parametrize("path", [b"/health", b"/nothing"])
async def test_an_unknown_expectation_is_a_problem_document(
    start_gateway: StartGateway, path: bytes
) -> None:
    gateway = await start_gateway()

    request = b"GET %b HTTP/1.1\r\nHost: h\r\nExpect: miracles\r\n\r\n"
    answer = await exchange(gateway.port, request % path)

    assert answer.status == 417
    assert answer.values(b"content-type") == [b"application/problem+json"]
    assert json.loads(answer.body)["reason"] == "expectation_failed"
    assert answer.values(b"x-correlation-id")


async def test_own_endpoints_are_never_limited(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(RATE_LIMIT_REQUESTS="1")

    for _ in range(5):
        for path in ("/", "/health", "/ready", "/status", "/services", "/metrics"):
            answer = await gateway.get(path)
            assert answer.status == 200
            assert "RateLimit" not in answer.headers
        assert (await gateway.admin("PUT", INSTANCE, json=BODY)).status in (200, 201)


# Status and metrics


async def test_status_tells_version_uptime_worker_registry_services_and_limits(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, upstream = await start_gateway(RATE_LIMIT_REQUESTS="7"), await start_upstream()
    await gateway.register("orders_service", upstream.port)

    status = (await gateway.admin("GET", "/status")).json()

    assert status["service"] == "api_gateway"
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", status["version"])
    assert 0 <= status["uptime_s"] < 60
    assert status["worker"]["pid"]
    assert status["registry"]["connected"] is True
    assert 0 <= status["registry"]["view_age_s"] < 5
    assert status["services"]["orders_service"]["healthy"] == 1
    assert status["services"]["orders_service"]["total"] == 1
    assert status["limits"]["requests"] == 7


@pytest.mark.parametrize("authorization", [None, "Bearer wrong"])
async def test_without_the_token_nothing_is_told_of_the_inside(
    start_gateway: StartGateway,
    start_upstream: StartUpstream,
    registry_url: str,
    authorization: str | None,
) -> None:
    """/status showed the addresses of the registry and of clients to anybody, /services keys in queries."""
    gateway, upstream = await start_gateway(), await start_upstream()
    metadata = {"owner": "s3cret"}
    await gateway.register(
        "orders", upstream.port, health_check_url="/health?key=s3cret", metadata=metadata
    )
    await gateway.get("/health", headers={"X-Forwarded-For": "192.0.2.1"})  # a client's address
    headers = {} if authorization is None else {"Authorization": authorization}

    public = {path: await gateway.get(path, headers=headers) for path in INSIDE}
    whole = {
        path: (await gateway.admin("GET", path)).json() for path in INSIDE if path != "/metrics"
    }

    for path, answer in public.items():
        assert answer.status == 200, path
        text = answer.body.decode()
        for inside in ("s3cret", "redis:", URL(registry_url).authority, "metadata", "history"):
            assert inside not in text, path
    status = public["/status"].json()
    assert "127.0.0.1" not in public["/status"].body.decode()
    assert status["worker"] == {"workers": 1}
    assert {"url"} == whole["/status"]["registry"].keys() - status["registry"].keys()
    assert whole["/status"]["worker"]["pid"] == os.getpid()
    assert whole["/status"]["untrusted_proxies"] == ["127.0.0.1"]
    assert whole["/status"]["registry"]["url"] == registry_url
    shown = {
        "/services": lambda document: document["services"][0]["instances"][0],
        "/services/orders": lambda document: document["instances"][0],
    }
    for path, instance_of in shown.items():
        listed, all_of_it = instance_of(public[path].json()), instance_of(whole[path])
        own = f"http://127.0.0.1:{upstream.port}/health"
        assert listed["health_check_url"] == own
        assert all_of_it["health_check_url"] == f"{own}?key=s3cret"
        assert all_of_it["metadata"] == metadata
        assert set(all_of_it) - set(listed) <= {"metadata", "health", "load"}


INSIDE = ("/services", "/services/orders", "/status", "/metrics")

METRICS = {
    "gateway_requests_total": {"service", "method", "status"},
    "gateway_request_duration_seconds_count": {"service"},
    "gateway_upstream_duration_seconds_count": {"service"},
    "gateway_requests_in_flight": {"service"},
    "gateway_attempts_total": {"service", "outcome"},
    "gateway_rate_limit_decisions_total": {"policy", "decision"},
    "gateway_upstream_connections": {"service", "state"},
    "discovery_instances": {"service", "status"},
    "gateway_request_bytes_total": {"service"},
    "gateway_response_bytes_total": {"service"},
    "gateway_client_connections": {"state"},
    "gateway_event_loop_lag_seconds_bucket": {"le"},
    "gateway_build_info": {"version", "python", "aiohttp"},
    "process_resident_memory_bytes": set(),
    "discovery_registry_up": set(),
    "discovery_registry_writable": set(),
    "discovery_view_age_seconds": set(),
}


def samples(text: str) -> dict[str, list[dict[str, str]]]:
    """The label sets of each metric of Prometheus' text format."""
    found: dict[str, list[dict[str, str]]] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, labels = line.rpartition(" ")[0].partition("{")
            found.setdefault(name, []).append(dict(re.findall(r'(\w+)="([^"]*)"', labels)))
    return found


async def test_metrics_have_the_names_and_labels_that_dashboards_are_built_on(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, upstream = await start_gateway(RATE_LIMIT_REQUESTS="9"), await start_upstream()
    await gateway.register("orders_service", upstream.port)
    await gateway.get("/api/orders")

    answer = await gateway.get("/metrics")

    assert answer.headers["Content-Type"].startswith("text/plain")
    found = samples(answer.body.decode())
    for name, labels in METRICS.items():
        assert found[name], name
        assert all(set(sample) == labels for sample in found[name]), name
    assert {"service": "orders_service", "method": "GET", "status": "200"} in found[
        "gateway_requests_total"
    ]
    assert {"service": "orders_service", "status": "healthy"} in found["discovery_instances"]


async def test_no_label_takes_its_value_from_a_client(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    """A label set for each path, id or invented name would use up all memory."""
    gateway, upstream = await start_gateway(), await start_upstream()
    await gateway.register("orders_service", upstream.port)
    for request in (
        b"PURGE /api/orders/client-path HTTP/1.1\r\nHost: client-host\r\n\r\n",
        b"GET /api/client-service HTTP/1.1\r\nHost: h\r\nX-Correlation-ID: client-id\r\n\r\n",
        b"REPORT /client-path HTTP/1.1\r\nHost: h\r\nUser-Agent: client-agent\r\n\r\n",
        b"GET /services/client-service HTTP/1.1\r\nHost: h\r\n\r\n",
        b"CLIENT-METHOD / HTTP/1.1\r\nHost: h\r\n\r\n",
    ):
        await exchange(gateway.port, request)

    text = (await gateway.get("/metrics")).body.decode()

    assert "client-" not in text.lower()
    found = samples(text)["gateway_requests_total"]
    assert {sample["service"] for sample in found} == {"orders_service", "api_gateway"}
    assert {"PURGE", "REPORT"}.isdisjoint(sample["method"] for sample in found)


# The services


async def test_services_have_exactly_the_documented_shape(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()
    await gateway.register(
        "orders_service",
        upstream.port,
        health_check_url="/health",
        version="1.2.3",
        weight=5,
        metadata={"zone": "a", "n": 1, "on": True, "none": None},
    )
    await until(lambda: is_listed(gateway, "orders_service", "healthy"))

    document = (await gateway.admin("GET", "/services")).json()

    assert list(document) == ["count", "services"]
    assert document["count"] == 1
    (service,) = document["services"]
    assert list(service) == ["name", "route", "healthy", "total", "instances"]
    (instance,) = service["instances"]
    assert list(instance) == INSTANCE_KEYS
    assert TIME.fullmatch(instance.pop("registered_at"))
    assert TIME.fullmatch(instance.pop("last_heartbeat"))
    url = f"http://127.0.0.1:{upstream.port}"
    assert instance == {
        "id": "i1",
        "name": "orders_service",
        "host": "127.0.0.1",
        "port": upstream.port,
        "scheme": "http",
        "url": url,
        "health_check_url": url + "/health",
        "status": "healthy",
        "version": "1.2.3",
        "weight": 5,
        "metadata": {"zone": "a", "n": 1, "on": True, "none": None},
    }
    shown = (await gateway.admin("GET", "/services/orders_service")).json()
    assert shown["instances"][0]["url"] == url
    assert list(shown) == ["name", "route", "healthy", "total", "instances"]
    assert (shown["route"], shown["healthy"], shown["total"]) == ("/api/orders", 1, 1)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}])
async def test_metadata_is_shown_to_the_admin_alone(
    start_gateway: StartGateway, headers: dict[str, str]
) -> None:
    gateway = await start_gateway()
    await gateway.register("orders_service", 1, routable=False, metadata={"secret": "s3cret"})

    for path in ("/services", "/services/orders_service", "/status", "/metrics"):
        answer = await gateway.get(path, headers=headers)
        assert answer.status == 200
        assert b"s3cret" not in answer.body
    (service,) = (await gateway.get("/services", headers=headers)).json()["services"]
    assert list(service["instances"][0]) == [key for key in INSTANCE_KEYS if key != "metadata"]


async def test_health_evidence_is_not_in_the_public_view(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    await gateway.register("orders_service", 1, routable=False)
    await until(lambda: is_listed(gateway, "orders_service", "unhealthy"))

    for path in ("/services", "/services/orders_service", "/status", "/metrics"):
        assert b"connect failed" not in (await gateway.get(path)).body


async def test_every_state_is_listed_with_its_counts(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()
    ill = await start_upstream(healthy=False)
    await gateway.register("b_service", upstream.port, "healthy")
    await gateway.register("b_service", upstream.port, "draining")
    await gateway.register(
        "b_service", ill.port, "unhealthy", routable=False, health_check_url="/health"
    )
    await gateway.register("a", upstream.port)
    await gateway.admin("POST", "/services/b_service/instances/draining/drain")

    async def all_are_known() -> bool:
        services = (await gateway.get("/services")).json()["services"]
        assert [service["name"] for service in services] == ["a", "b_service"]
        assert [service["route"] for service in services] == ["/api/a", "/api/b"]
        assert [service["total"] for service in services] == [1, 3]
        assert [service["healthy"] for service in services] == [1, 1]
        return all(one["id"] == one["status"] for one in services[1]["instances"])

    await until(all_are_known)


async def test_an_instance_that_lapses_or_goes_is_listed_no_more(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    gateway, upstream = await start_gateway(), await start_upstream()
    await gateway.register("lapses", upstream.port, ttl=600)
    await gateway.register("goes", upstream.port)

    await gateway.admin("DELETE", "/services/goes/instances/i1")
    listed = (await gateway.get("/services")).json()["services"]
    assert [service["name"] for service in listed] == ["lapses"]

    await gateway.register("lapses", upstream.port, ttl=1, routable=False)

    async def none_is_listed() -> bool:
        return bool((await gateway.get("/services")).json() == {"count": 0, "services": []})

    await until(none_is_listed)
    assert (await gateway.get("/services/lapses")).reason == "service_not_found"
    assert (await gateway.get("/api/lapses")).status == 200  # for at most 60 s


@pytest.mark.parametrize("name", ["nothing", "UPPER", "%FF", "a%2Fb", "a" * 100])
async def test_an_unknown_service_is_not_found(start_gateway: StartGateway, name: str) -> None:
    gateway = await start_gateway()

    answer = await gateway.get(f"/services/{name}")

    assert (answer.status, answer.reason) == (404, "service_not_found")


async def test_the_last_view_stays_while_the_registry_is_away(
    start_gateway: StartGateway, start_upstream: StartUpstream, own_registry: RegistryServer
) -> None:
    gateway = await start_gateway(REDIS_URL=own_registry.url)
    upstream = await start_upstream()
    await gateway.register("orders_service", upstream.port)
    fresh = (await gateway.get("/services")).json()

    own_registry.kill()

    async def is_stale() -> bool:
        return "stale" in (await gateway.get("/services")).json()

    await until(is_stale)
    stale = (await gateway.get("/services")).json()
    assert "stale" not in fresh
    assert stale["stale"] is True
    assert stale["age_s"] >= 0
    assert stale["count"] == 1
    shown = (await gateway.get("/services/orders_service")).json()
    assert shown["stale"] is True
    assert (await gateway.get("/health")).status == 200
    assert (await gateway.get("/ready")).status == 200
    assert (await gateway.get("/api/orders")).status == 200
    status = (await gateway.get("/status")).json()
    assert status["registry"]["connected"] is False
    assert b"discovery_registry_up 0.0" in (await gateway.get("/metrics")).body
    refused = await gateway.admin("PUT", INSTANCE, json=BODY)
    assert refused.status == 503
    assert "Retry-After" in refused.headers

    own_registry.start()

    async def is_fresh() -> bool:
        return "stale" not in (await gateway.get("/services")).json()

    await until(is_fresh)


# Registration


async def test_registering_answers_201_and_replacing_200(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()

    made = await gateway.admin("PUT", INSTANCE, json=BODY)
    replaced = await gateway.admin("PUT", INSTANCE, json={**BODY, "port": 8102, "weight": 3})

    assert (made.status, replaced.status) == (201, 200)
    assert list(made.json()) == INSTANCE_KEYS
    assert made.json()["status"] == "starting"
    assert made.json()["health_check_url"] is None
    assert made.json()["version"] is None
    assert made.json()["metadata"] == {}
    (instance,) = (await gateway.get("/services/orders_service")).json()["instances"]
    assert (instance["port"], instance["weight"]) == (8102, 3)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ([], "must be a JSON object"),
        ("text", "must be a JSON object"),
        ({"port": 1}, "host is missing"),
        ({"host": "h"}, "port is missing"),
        ({**BODY, "hots": 1}, "hots"),
        ({**BODY, "name": "x"}, "name"),
        ({**BODY, "host": ""}, "host"),
        ({**BODY, "host": 1}, "host"),
        ({**BODY, "host": "a b"}, "host"),
        ({**BODY, "host": "http://h"}, "host"),
        ({**BODY, "host": "h:80"}, "host"),
        ({**BODY, "host": "127.1"}, "host"),
        ({**BODY, "host": "a" * 254}, "host"),
        ({**BODY, "host": "fe80::1%eth0"}, "host"),
        ({**BODY, "host": "0.0.0.0"}, "never connected to"),
        ({**BODY, "host": "169.254.169.254"}, "never connected to"),
        ({**BODY, "host": "224.0.0.1"}, "never connected to"),
        ({**BODY, "host": "fe80::1"}, "never connected to"),
        ({**BODY, "host": "::ffff:169.254.169.254"}, "never connected to"),
        ({**BODY, "port": 0}, "port"),
        ({**BODY, "port": 65536}, "port"),
        ({**BODY, "port": "80"}, "port"),
        ({**BODY, "port": True}, "port"),
        ({**BODY, "port": 80.5}, "port"),
        ({**BODY, "scheme": "ftp"}, "scheme"),
        ({**BODY, "weight": -1}, "weight"),
        ({**BODY, "weight": 1001}, "weight"),
        ({**BODY, "weight": "1"}, "weight"),
        ({**BODY, "version": "1.0"}, "version"),
        ({**BODY, "version": "01.0.0"}, "version"),
        ({**BODY, "version": 1}, "version"),
        ({**BODY, "ttl": 0.5}, "ttl"),
        ({**BODY, "ttl": 3601}, "ttl"),
        ({**BODY, "ttl": "15"}, "ttl"),
        ({**BODY, "metadata": []}, "metadata"),
        ({**BODY, "metadata": {"a": {}}}, "metadata"),
        ({**BODY, "metadata": {"a": []}}, "metadata"),
        ({**BODY, "metadata": {"a": "x" * 8192}}, "metadata"),
        ({**BODY, "health_check_url": "health"}, "health_check_url"),
        ({**BODY, "health_check_url": "//other/health"}, "health_check_url"),
        ({**BODY, "health_check_url": "http://other:8101/health"}, "health_check_url"),
        ({**BODY, "health_check_url": "http://127.0.0.1@other/"}, "health_check_url"),
        ({**BODY, "health_check_url": "ftp://127.0.0.1/health"}, "health_check_url"),
        ({**BODY, "health_check_url": "/a b"}, "health_check_url"),
        ({**BODY, "health_check_url": "/a\r\nHost: x"}, "health_check_url"),
        ({**BODY, "health_check_url": 1}, "health_check_url"),
    ],
)
async def test_a_bad_registration_is_refused_with_the_reason(
    start_gateway: StartGateway, body: object, reason: str
) -> None:
    gateway = await start_gateway()

    answer = await gateway.admin("PUT", INSTANCE, json=body)

    assert (answer.status, answer.reason) == (400, "bad_request")
    assert reason in answer.json()["detail"]
    assert (await gateway.get("/services")).json()["count"] == 0


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not valid JSON: Expecting value (line 1, column 1)"),
        (b"{", "not valid JSON"),
        (b"\xff", "not UTF-8"),
        (b"{} {}", "Extra data (line 1, column 4)"),
        (b"[" * 16_000, "not valid JSON"),
        (b'{"port": ' + b"9" * 5000 + b"}", "too large"),
        (b'{"host": "h", "port": 1, "port": 2}', "'port' is given twice"),
        (b'{"host": "h", "port": 1, "metadata": {"a": 1, "a": 2}}', "'a' is given twice"),
        (b'{"host": "h", "port": NaN}', "port nan"),
        (b'{"host": "h", "port": 1, "ttl": Infinity}', "ttl inf"),
        (b'{"host": "h", "port": 1, "ttl": NaN}', "ttl nan"),
        (b'{"host": "h", "port": 1, "metadata": {"a": -Infinity}}', "metadata 'a'"),
        (b'{"host": "h", "port": 1, "metadata": {"a": 1e999}}', "metadata 'a'"),
        (b'{"host": "h", "port": 1, "metadata": {"a": "\\ud800"}}', "metadata"),
    ],
)
async def test_a_body_that_is_not_json_is_refused(
    start_gateway: StartGateway, data: bytes, reason: str
) -> None:
    gateway = await start_gateway()

    answer = await gateway.admin("PUT", INSTANCE, data=data)

    assert (answer.status, answer.reason) == (400, "bad_request")
    assert reason in answer.json()["detail"]


async def test_a_host_that_is_not_allowed_is_refused(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(REGISTRY_ALLOWED_HOSTS="10.0.0.0/8")

    answer = await gateway.admin("PUT", INSTANCE, json=BODY)

    assert (answer.status, answer.reason) == (400, "bad_request")
    assert "host '127.0.0.1'" in answer.json()["detail"]
    assert "REGISTRY_ALLOWED_HOSTS" in answer.json()["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "/services/Orders/instances/i1",
        "/services/1orders/instances/i1",
        f"/services/{'a' * 64}/instances/i1",
        "/services/orders/instances/a%20b",
        "/services/orders/instances/a%2Fb",
        f"/services/orders/instances/{'a' * 129}",
    ],
)
async def test_a_bad_name_or_id_is_refused(start_gateway: StartGateway, path: str) -> None:
    gateway = await start_gateway()
    url = gateway.url + path

    async with gateway.session.put(
        URL(url, encoded=True),
        json=BODY,
        headers={"Authorization": f"Bearer {ADMIN_TOKEN}"},
    ) as response:
        answer = Answer(response.status, response.headers, await response.read())

    assert (answer.status, answer.reason) == (400, "bad_request")


@pytest.mark.parametrize(
    "host",
    ["localhost", "a.b-c.example", "a.example.", "::1", "2001:db8::1", "my_service", "h" * 63],
)
async def test_names_and_address_literals_are_hosts(start_gateway: StartGateway, host: str) -> None:
    gateway = await start_gateway()

    answer = await gateway.admin("PUT", INSTANCE, json={"host": host, "port": 1, "weight": 0})

    assert answer.status == 201
    literal = f"[{host}]" if ":" in host else host
    assert answer.json()["url"] == f"http://{literal}:1"


async def test_a_body_may_have_16_kib(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    body = json.dumps(BODY).encode()

    at_the_limit = await gateway.admin("PUT", INSTANCE, data=body.ljust(16 * 1024))
    above = await gateway.admin("PUT", INSTANCE, data=body.ljust(16 * 1024 + 1))

    assert at_the_limit.status == 201
    assert (above.status, above.reason) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("method", "end"), [("POST", "/heartbeat"), ("POST", "/drain"), ("DELETE", "")]
)
async def test_a_change_of_an_unknown_instance_is_not_found(
    start_gateway: StartGateway, method: str, end: str
) -> None:
    gateway = await start_gateway()

    unknown = await gateway.admin(method, INSTANCE + end)
    await gateway.admin("PUT", INSTANCE, json=BODY)
    known = await gateway.admin(method, INSTANCE + end)

    assert (unknown.status, unknown.reason) == (404, "instance_not_found")
    assert (known.status, known.body) == (204, b"")


async def test_draining_may_wait_until_every_worker_knows(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    await gateway.admin("PUT", INSTANCE, json=BODY)

    answer = await gateway.admin("POST", INSTANCE + "/drain?wait=5")

    assert answer.status == 200
    assert set(answer.json()) == {"complete", "workers", "missing", "in_flight"}
    assert answer.json() == {"complete": True, "workers": 1, "missing": 0, "in_flight": 0}


@pytest.mark.parametrize("wait", ["-1", "61", "soon", ""])
async def test_a_wait_that_is_no_time_is_refused(start_gateway: StartGateway, wait: str) -> None:
    gateway = await start_gateway()
    await gateway.admin("PUT", INSTANCE, json=BODY)

    answer = await gateway.admin("POST", f"{INSTANCE}/drain?wait={wait}")

    assert (answer.status, answer.reason) == (400, "bad_request")


async def test_a_drain_waits_for_the_requests_that_are_there(
    start_gateway: StartGateway, start_upstream: StartUpstream
) -> None:
    over = asyncio.Event()

    async def slow(_received: Received, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    gateway, upstream = await start_gateway(), await start_upstream(slow)
    await gateway.register("orders", upstream.port)
    under_way = asyncio.create_task(gateway.get("/api/orders"))
    await eventually(lambda: upstream.requests)
    drain = "/services/orders/instances/i1/drain"

    early = await gateway.admin("POST", f"{drain}?wait=0.1")
    waiting = asyncio.create_task(gateway.admin("POST", f"{drain}?wait=10"))
    over.set()

    assert (early.json()["complete"], early.json()["in_flight"]) == (False, 1)
    assert (await waiting).json()["complete"] is True
    assert (await under_way).status == 200


async def test_a_number_that_not_every_json_library_can_write_is_refused(
    start_gateway: StartGateway, registry_url: str
) -> None:
    """Such a record made `/services` fail for everybody who may see metadata."""
    gateway = await start_gateway()
    async with AsyncServiceRegistry(registry_url) as registry:
        with pytest.raises(InvalidRegistration, match="64 bits"):
            await registry.register_service("orders", "localhost", 1, metadata={"n": 2**70})

    assert (await gateway.admin("GET", "/services")).status == 200


async def test_heartbeats_keep_a_lease_and_its_end_is_told(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    await gateway.admin("PUT", INSTANCE, json={**BODY, "ttl": 600})

    assert (await gateway.admin("POST", INSTANCE + "/heartbeat")).status == 204
    await gateway.admin("PUT", INSTANCE, json={**BODY, "ttl": 1})

    async def lapsed() -> bool:
        return bool((await gateway.get("/services")).json()["count"] == 0)

    await until(lapsed)
    assert (await gateway.admin("POST", INSTANCE + "/heartbeat")).reason == "instance_not_found"


def instance_path(name: str, instance_id: str) -> str:
    return f"/services/{name}/instances/{instance_id}"


async def leases_ms(url: str) -> dict[str, int]:
    """How long each lease still runs by the registry's own clock."""
    async with AsyncServiceRegistry(url) as registry:
        snapshot = await registry.call(scripts.snapshot())
    return {one.instance.key: one.lapses_at_ms - snapshot.now_ms for one in snapshot.records}


async def test_each_instance_has_its_own_ttl(
    start_gateway: StartGateway, registry_url: str
) -> None:
    gateway = await start_gateway()
    for instance_id, ttl in (("short", {"ttl": 1}), ("long", {"ttl": 3600}), ("usual", {})):
        await gateway.admin("PUT", instance_path("orders", instance_id), json={**BODY, **ttl})

    async def only_the_short_one_lapsed() -> bool:
        instances = (await gateway.get("/services/orders")).json()["instances"]
        return [one["id"] for one in instances] == ["long", "usual"]

    await until(only_the_short_one_lapsed)
    left_ms = await leases_ms(registry_url)
    assert 3_570_000 < left_ms["orders/long"] <= 3_600_000
    assert 10_000 < left_ms["orders/usual"] <= 15_000


async def test_heartbeats_of_many_come_in_one_call(
    start_gateway: StartGateway, registry_url: str
) -> None:
    gateway = await start_gateway()
    await gateway.admin("PUT", instance_path("orders", "o1"), json={**BODY, "ttl": 1})
    await gateway.admin("PUT", instance_path("prices", "p1"), json={**BODY, "ttl": 60})
    known = [{"name": "prices", "id": "p1"}, {"name": "orders", "id": "o1"}]
    unknown = [{"name": "orders", "id": "o2"}]

    async def half_of_it_is_gone() -> bool:
        return (await leases_ms(registry_url))["orders/o1"] < 500

    await until(half_of_it_is_gone)
    answer = await gateway.admin("POST", "/heartbeats", json={"instances": known + unknown})

    assert answer.status == 200
    assert answer.json() == {"known": known, "unknown": unknown}
    left_ms = await leases_ms(registry_url)
    assert 500 < left_ms["orders/o1"] <= 1000
    assert 59_500 < left_ms["prices/p1"] <= 60_000


async def test_an_instance_that_is_twice_in_one_call_is_answered_twice(
    start_gateway: StartGateway,
) -> None:
    """The answer has one member for each instance in the call, in the same order."""
    gateway = await start_gateway()
    await gateway.admin("PUT", instance_path("orders", "o1"), json=BODY)
    known, unknown = {"name": "orders", "id": "o1"}, {"name": "orders", "id": "o2"}

    twice = {"instances": [known, unknown, known, unknown]}
    answer = await gateway.admin("POST", "/heartbeats", json=twice)

    assert (answer.status, answer.json()) == (
        200,
        {"known": [known, known], "unknown": [unknown, unknown]},
    )


async def test_a_thousand_heartbeats_of_the_longest_names_fit(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()
    longest = [{"name": "n" * 63, "id": f"{number:0128}"} for number in range(1001)]

    most = await gateway.admin("POST", "/heartbeats", json={"instances": longest[:1000]})
    above = await gateway.admin("POST", "/heartbeats", json={"instances": longest})
    none = await gateway.admin("POST", "/heartbeats", json={"instances": []})

    assert (most.status, len(most.json()["unknown"])) == (200, 1000)
    assert (above.status, "at most 1000" in above.json()["detail"]) == (400, True)
    assert (none.status, none.json()) == (200, {"known": [], "unknown": []})


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ([], "'instances'"),
        ({}, "'instances'"),
        ({"instances": [], "more": 1}, "'instances'"),
        ({"instances": {}}, "instances: must be a list"),
        ({"instances": ["orders/o1"]}, "instances[0]"),
        ({"instances": [{"name": "orders"}]}, "instances[0]"),
        ({"instances": [{"name": "a", "id": "b", "ttl": 1}]}, "instances[0]"),
        ({"instances": [{"name": "a", "id": "b"}, {"name": "A", "id": "b"}]}, "instances[1]: serv"),
        ({"instances": [{"name": "a", "id": 1}]}, "instances[0]: instance id 1"),
        ({"instances": [{"name": "a", "id": "b/c"}]}, "instances[0]: instance id"),
    ],
)
async def test_bad_heartbeats_are_refused_with_the_reason(
    start_gateway: StartGateway, body: object, reason: str
) -> None:
    gateway = await start_gateway()

    answer = await gateway.admin("POST", "/heartbeats", json=body)

    assert (answer.status, answer.reason) == (400, "bad_request")
    assert reason in answer.json()["detail"]


async def test_more_than_any_heartbeats_need_is_too_large(start_gateway: StartGateway) -> None:
    gateway = await start_gateway()

    answer = await gateway.admin("POST", "/heartbeats", data=b" " * (256 * 1024 + 1))

    assert (answer.status, answer.reason) == (413, "body_too_large")


CALLS = [
    ("PUT", INSTANCE),
    ("POST", INSTANCE + "/heartbeat"),
    ("POST", INSTANCE + "/drain"),
    ("POST", "/heartbeats"),
    ("DELETE", INSTANCE),
]


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Basic {ADMIN_TOKEN}", ADMIN_TOKEN],
)
async def test_a_change_needs_the_token(
    start_gateway: StartGateway, authorization: str | None
) -> None:
    gateway = await start_gateway()
    headers = {} if authorization is None else {"Authorization": authorization}

    for method, path in CALLS:
        answer = await gateway.request(method, path, json=BODY, headers=headers)
        assert (answer.status, answer.reason) == (401, "unauthorized")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert (await gateway.get("/services")).json()["count"] == 0


async def test_without_a_token_set_every_change_is_refused(start_gateway: StartGateway) -> None:
    """Loopback is refused too: behind a proxy every call comes from there, and web pages can post to it."""
    gateway = await start_gateway(ADMIN_TOKEN="")

    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": f"Bearer {ADMIN_TOKEN}"}):
        for method, path in CALLS:
            answer = await gateway.request(method, path, json=BODY, headers=headers)
            assert (answer.status, answer.reason) == (403, "forbidden")
    metadata = (await gateway.get("/services", headers={"Authorization": "Bearer "})).json()
    assert metadata == {"count": 0, "services": []}


async def test_the_token_may_come_from_a_file(start_gateway: StartGateway, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("a-token-from-a-file\n")
    file.chmod(0o600)
    gateway = await start_gateway(ADMIN_TOKEN="", ADMIN_TOKEN_FILE=str(file))

    headers = {"Authorization": "bearer a-token-from-a-file"}
    answer = await gateway.request("PUT", INSTANCE, json=BODY, headers=headers)

    assert answer.status == 201


# A separate port for the admin

PUBLIC = ("/health", "/ready")
ADMIN = ("/services", "/status", "/metrics")


async def test_with_admin_listen_each_port_answers_its_own(
    tmp_path: Path, registry_url: str, start_upstream: StartUpstream
) -> None:
    upstream = await start_upstream()
    admin = free_port()
    async with gateway_process(
        tmp_path, registry_url, ADMIN_LISTEN=f"127.0.0.1:{admin}"
    ) as gateway:
        await gateway.register("orders_service", upstream.port, at=admin)

        for path in (*PUBLIC, "/api/orders"):
            assert (await gateway.request("GET", path)).status == 200
        for path in (*PUBLIC, *ADMIN, "/services/orders_service"):
            assert (await gateway.request("GET", path, port=admin)).status == 200
        for path in (*ADMIN, "/services/orders_service"):
            assert (await gateway.request("GET", path)).reason == "route_not_found"
        for method, path in CALLS:
            answer = await gateway.request(method, path, json=BODY)
            assert (answer.status, answer.reason) == (404, "route_not_found")
        assert (await gateway.request("GET", "/api/orders", port=admin)).status == 404


@pytest.mark.parametrize(
    ("public", "admin"),
    [
        ("127.0.0.1", "127.0.0.2"),
        pytest.param("127.0.0.1", "[::1]", marks=NEEDS_IPV6),
        pytest.param("::1", "127.0.0.1", marks=NEEDS_IPV6),
    ],
)
async def test_the_admins_port_may_have_the_same_number_on_another_address(
    tmp_path: Path, registry_url: str, public: str, admin: str
) -> None:
    """Ports were told apart by number alone, so the public one answered /services and took changes."""
    port = free_port()
    environment = {"GATEWAY_HOST": public, "GATEWAY_PORT": str(port)}
    environment["ADMIN_LISTEN"] = f"{admin}:{port}"
    async with (
        gateway_process(tmp_path, registry_url, **environment),
        aiohttp.ClientSession() as session,
    ):
        for host, statuses in (
            (f"[{public}]" if ":" in public else public, {"/services": 404, "/ready": 200}),
            (admin, {"/services": 200, "/ready": 200}),
        ):
            for path, status in statuses.items():
                async with session.get(f"http://{host}:{port}{path}") as response:
                    assert response.status == status, (host, path)


async def test_the_admins_port_may_be_a_unix_socket(tmp_path: Path, registry_url: str) -> None:
    path = tmp_path / "admin.sock"
    async with gateway_process(tmp_path, registry_url, ADMIN_LISTEN=f"unix:{path}") as gateway:
        connector = aiohttp.UnixConnector(str(path))
        async with aiohttp.ClientSession(connector=connector) as session:
            for url, status in (("/services", 200), ("/status", 200), ("/api/orders", 404)):
                async with session.get(f"http://lockgate{url}") as response:
                    assert response.status == status
        assert (await gateway.request("GET", "/services")).status == 404
        assert (await gateway.request("GET", "/health")).status == 200


async def test_a_file_in_the_place_of_the_unix_socket_is_left_alone(
    tmp_path: Path, registry_url: str
) -> None:
    """A mistake in ADMIN_LISTEN must not delete a file; only a dead socket may be replaced."""
    file = tmp_path / "precious"
    file.write_text("data")
    async with gateway_process(
        tmp_path, registry_url, started=False, ADMIN_LISTEN=f"unix:{file}"
    ) as gateway:
        await eventually(
            lambda: gateway.process.returncode is not None or gateway.logs("gateway.started"),
            within_s=20,
        )
        assert stat.S_ISREG(file.stat().st_mode)
        assert gateway.process.returncode == 1
        assert "ADMIN_LISTEN" in gateway.stderr


async def test_a_gateway_of_one_process_has_no_work_for_siblings(
    start_gateway: StartGateway,
) -> None:
    gateway = await start_gateway()
    found = samples((await gateway.get("/metrics")).body.decode())
    works = {sample["work"] for sample in found["gateway_background_running"]}
    assert "watcher" in works
    assert not works & {"siblings", "counters", "team"}
