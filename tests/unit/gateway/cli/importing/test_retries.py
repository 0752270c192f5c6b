"""When other gateways repeat a request."""

import json
from typing import Any

import pytest

from tests.unit.gateway.cli.importing.reading import routes_of, services_of

UPSTREAM = "upstream u { server a:1; server b:1; server c:1; }"


def of_nginx(*directives: str) -> Any:
    """The `retries` of the service that locations with these lead to."""
    locations = "".join(
        f"location /{number} {{ proxy_pass http://u; {one} }}"
        for number, one in enumerate(directives)
    )
    made = services_of("nginx", f"{UPSTREAM} server {{ {locations} }}")
    return made["u"].get("retries")


@pytest.mark.parametrize(
    ("directives", "retries"),
    [
        ("", None),
        ("proxy_next_upstream off;", {"attempts": 1}),
        ("proxy_next_upstream updating;", {"attempts": 1}),
        (
            "proxy_next_upstream error timeout http_503 non_idempotent;",
            {"attempts": 3, "on": ["connect", "reset", "timeout", 503]},
        ),
        (
            "proxy_next_upstream http_500; proxy_next_upstream_tries 2;",
            {"attempts": 2, "on": [500]},
        ),
        (
            "proxy_next_upstream_tries 99;",
            {"attempts": 10, "on": ["connect", "reset", "timeout"]},
        ),
    ],
)
def test_what_nginx_passes_on_to_the_next_server_is_repeated(
    directives: str, retries: dict[str, Any] | None
) -> None:
    assert of_nginx(directives) == retries


def test_the_first_location_says_it_for_a_service() -> None:
    assert of_nginx("proxy_next_upstream off;", "proxy_next_upstream error;") == {"attempts": 1}


@pytest.mark.parametrize(
    ("attempts", "retries"),
    [
        ("3", {"attempts": 3, "on": ["connect", "reset"]}),
        ("0", {"attempts": 1, "on": ["connect", "reset"]}),
        ("many", None),
    ],
)
def test_traefiks_retry_is_that_of_the_service(
    attempts: str, retries: dict[str, Any] | None
) -> None:
    servers = {"servers": [{"url": "http://a:1"}]}
    text = {
        "http": {
            "routers": {"r": {"rule": "Path(`/a`)", "service": "s", "middlewares": ["again"]}},
            "services": {"s": {"loadBalancer": servers}},
            "middlewares": {"again": {"retry": {"attempts": attempts, "initialInterval": "1s"}}},
        }
    }
    made = json.dumps(text)
    assert services_of("traefik", made)["s"].get("retries") == retries
    assert "deny" not in routes_of("traefik", made)[0]
