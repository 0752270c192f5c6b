"""What single keys of a compose file come to."""

from typing import Any

import pytest

from tests.unit.gateway.cli.importing.reading import document_of, routes_of, services_of


def services(text: str) -> dict[str, Any]:
    return services_of("compose", f"services: {text}")


@pytest.mark.parametrize(
    ("keys", "url"),
    [
        ('ports: ["8080:80"]', "http://a:80"),
        ('ports: ["127.0.0.1:8080:80/tcp"]', "http://a:80"),
        ("ports: [3000]", "http://a:3000"),
        ("ports: [{target: 80, published: 8080}]", "http://a:80"),
        ("expose: [3000]", "http://a:3000"),
        ('ports: ["${PORT:-8080}:${INNER:-80}"]', "http://a:80"),
        ('ports: ["${PORT}:80"]', "http://a:80"),
        ('ports: ["8443:8443"]', "https://a:8443"),
        ('ports: ["9999:9999", "8080:8080"]', "http://a:8080"),
        ('ports: ["9999:9999", "8080:8080"], healthcheck: {test: "curl http://localhost:9999/"}', "http://a:9999"),
        ('ports: ["5432:5432", "8080:8080"]', "http://a:8080"),
    ],
)  # fmt: skip
def test_a_service_is_at_its_name_and_the_port_within_the_network(keys: str, url: str) -> None:
    assert services(f"{{a: {{{keys}}}}}")["a"]["urls"] == [url]


@pytest.mark.parametrize(
    "keys",
    [
        "image: x",
        'ports: ["${PORT}"]',
        'ports: ["3000-3005:3000-3005"]',
        'ports: ["53:53/udp"]',
        'ports: ["5432:5432"]',
        'image: postgres, ports: ["80:80"]',
        'image: "docker.io/library/redis:7", expose: [80]',
        'image: "registry:5000/mysql", expose: [80]',
        'ports: ["99999:99999"]',
    ],
)
def test_a_service_without_a_port_for_http_is_left_out(keys: str) -> None:
    assert services(f"{{a: {{{keys}}}}}") == {}


@pytest.mark.parametrize(
    ("check", "health"),
    [
        ('{test: ["CMD", "curl", "-f", "http://localhost/ok"]}', {"path": "/ok"}),
        ('{test: "wget -qO- http://127.0.0.1:80/ok || exit 1", interval: 1m30s}',
         {"path": "/ok", "interval": "90s"}),
        ('{test: ["CMD-SHELL", "curl -f localhost:80/ok"]}', None),
        ('{test: "curl http://localhost"}', {"path": "/"}),
        ('{test: "curl http://localhost:81/ok"}', None),
        ('{test: "nc -z localhost 80"}', None),
        ("{disable: true}", None),
    ],
)  # fmt: skip
def test_a_health_check_that_asks_with_http_is_ours(check: str, health: object) -> None:
    found = services(f"{{a: {{expose: [80], healthcheck: {check}}}}}")
    assert found["a"].get("health") == health


def test_merge_keys_are_followed() -> None:
    text = "x: &x {expose: [1]}\ny: &y {expose: [2], image: b}\nservices: {a: {<<: [*x, *y]}}"
    assert document_of("compose", text)["services"]["a"]["urls"] == ["http://a:1"]


def test_nothing_of_the_environment_is_put_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "8080")
    assert services('{a: {ports: ["${PORT}"]}, b: {ports: ["$PORT"]}}') == {}


@pytest.mark.parametrize(
    ("labels", "host"),
    [
        ("[traefik.http.routers.a.rule=Host(`x`)]", "x"),
        ("{traefik.http.routers.a.rule: Host(`x`)}", "x"),
        ("[Traefik.HTTP.Routers.A.Rule=Host(`x`)]", "x"),
        ("[traefik.enable=true, traefik.http.routers.a.rule=Host(`x`)]", "x"),
        ("[traefik.enable=false, traefik.http.routers.a.rule=Host(`x`)]", None),
        ("[traefik.http.routers.a.rule=Host(`$X`)]", None),
        ('["traefik.http.routers.a.rule=Host(`${X:-x}`)"]', "x"),
        ("[traefik.tcp.routers.a.rule=HostSNI(`x`)]", None),
        ("[traefik.http.routers=x]", None),
        ("[other=x]", None),
    ],
)
def test_labels_of_traefik_are_routes(labels: str, host: str | None) -> None:
    found = routes_of("compose", f"services: {{a: {{expose: [80], labels: {labels}}}}}")
    assert [one["match"]["host"] for one in found] == ([host] if host else [])
    assert all(one["service"] == "a" for one in found)


def test_a_middleware_of_another_service_is_found() -> None:
    text = """
services:
  a: {expose: [80], labels: ["traefik.http.routers.a.rule=Path(`/x`)", "traefik.http.routers.a.middlewares=m"]}
  b: {expose: [80], labels: ["traefik.http.middlewares.m.replacepath.path=/y"]}
"""
    assert routes_of("compose", text)[0]["rewrite"] == {"path": "/y"}
