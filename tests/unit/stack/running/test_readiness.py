"""When a stack counts as up, by the answers of a stand-in gateway."""

import http.server
import json
import threading
from collections.abc import Iterator

import pytest

from gateway.stack.plan import GATEWAY, ProcessSpec
from gateway.stack.running.readiness import health_of, missing_routes
from tests.support.registry_servers import free_port

SERVICES = [
    ProcessSpec("price_service", "price_service", 1, ()),
    ProcessSpec("price_service-2", "price_service", 2, ()),
]


class ToldGateway:
    """Answers each path with the status and object in `answers`."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, object]] = {"/health": (200, {})}
        answers = self.answers

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = answers.get(self.path, (404, {}))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_: object) -> None:
                return

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.process = ProcessSpec(GATEWAY, GATEWAY, self.server.server_port, ())

    def lists(self, healthy: int) -> None:
        self.answers["/services"] = (
            200,
            {"services": [{"name": "price_service", "healthy": healthy}]},
        )


@pytest.fixture
def gateway() -> Iterator[ToldGateway]:
    told = ToldGateway()
    thread = threading.Thread(target=told.server.serve_forever, args=(0.01,))
    thread.start()
    yield told
    told.server.shutdown()
    told.server.server_close()
    thread.join()


def test_a_process_is_healthy_by_its_own_word(gateway: ToldGateway) -> None:
    assert health_of(gateway.process) == "healthy"
    gateway.answers["/health"] = (503, {})
    assert health_of(gateway.process) == "unhealthy"
    assert health_of(ProcessSpec("a", "a", free_port(), ())) == "unreachable"


def test_every_instance_must_be_healthy_before_its_route_is_tried(gateway: ToldGateway) -> None:
    gateway.lists(healthy=1)
    assert missing_routes(gateway.process, SERVICES) == {
        "price_service": "1 of 2 instances healthy"
    }


def test_a_route_must_answer(gateway: ToldGateway) -> None:
    gateway.lists(healthy=2)
    gateway.answers["/api/price/health"] = (503, {})
    assert missing_routes(gateway.process, SERVICES) == {
        "price_service": "/api/price/health: status 503"
    }


@pytest.mark.parametrize("status", [200, 429])
def test_a_route_that_is_limited_is_a_route(gateway: ToldGateway, status: int) -> None:
    gateway.lists(healthy=2)
    gateway.answers["/api/price/health"] = (status, {})
    assert missing_routes(gateway.process, SERVICES) == {}


@pytest.mark.parametrize(
    ("status", "reason", "routes"),
    [
        (401, "unauthorized", True),
        (403, "forbidden", True),
        (302, "", True),  # a log-in
        (404, "route_not_found", True),  # discover: false
        (503, "auth_unavailable", True),  # a provider that is away
        (503, "no_healthy_instance", False),
        (503, "no_view", False),
        (502, "upstream_unreachable", False),
    ],
)
def test_with_a_file_a_route_by_name_may_be_closed_or_gone(
    gateway: ToldGateway, status: int, reason: str, routes: bool
) -> None:
    gateway.lists(healthy=2)
    gateway.answers["/api/price/health"] = (status, {"reason": reason} if reason else {})
    file = {"GATEWAY_CONFIG": "/nowhere/lockgate.yaml"}
    with_file = ProcessSpec(GATEWAY, GATEWAY, gateway.process.port, (), environment=file)
    assert (missing_routes(with_file, SERVICES) == {}) is routes
    assert missing_routes(gateway.process, SERVICES)


def test_a_gateway_that_keeps_its_list_to_itself_is_judged_by_its_routes(
    gateway: ToldGateway,
) -> None:
    gateway.answers["/api/price/health"] = (200, {})
    assert missing_routes(gateway.process, SERVICES) == {}


def test_a_list_that_makes_no_sense_stops_nothing(gateway: ToldGateway) -> None:
    gateway.answers["/services"] = (200, ["what"])
    gateway.answers["/api/price/health"] = (200, {})
    assert missing_routes(gateway.process, SERVICES) == {}


def test_a_gateway_that_does_not_answer_is_missing_every_route() -> None:
    nobody = ProcessSpec(GATEWAY, GATEWAY, free_port(), ())
    assert missing_routes(nobody, SERVICES) == {"price_service": "/api/price/health: no answer"}


def test_instances_are_counted_where_the_gateway_shows_them(gateway: ToldGateway) -> None:
    """With ADMIN_LISTEN the public port answers 404, and no instance was counted."""
    gateway.lists(healthy=1)
    admin = {"ADMIN_LISTEN": f"127.0.0.1:{gateway.process.port}"}
    public = ProcessSpec(GATEWAY, GATEWAY, free_port(), (), environment=admin)
    assert missing_routes(public, SERVICES) == {"price_service": "1 of 2 instances healthy"}
