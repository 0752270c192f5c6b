"""What the options of `lockgate serve` are in the environment of the gateway."""

from pathlib import Path

from gateway.cli.serving import Asked, environment

SOCKET = Path("/data/admin.sock")


def asked(
    *domains: str, port: int | None = None, host: str | None = None, offset: int = 0
) -> Asked:
    return Asked(port, host, None, None, domains, None, offset)


def test_without_a_domain_nothing_is_added() -> None:
    assert environment({"X": "1"}, asked(), SOCKET) == {"X": "1"}


def test_a_domain_makes_it_listen_where_the_internet_comes_to() -> None:
    assert environment({}, asked("a.example", "b.example"), SOCKET) == {
        "ACME_DOMAINS": "a.example,b.example",
        "GATEWAY_HOST": "0.0.0.0",
        "GATEWAY_PORT": "443",
        "ADMIN_LISTEN": "unix:/data/admin.sock",
    }


def test_what_is_said_otherwise_wins() -> None:
    environ = {"ADMIN_LISTEN": "127.0.0.1:9", "GATEWAY_HOST": "::", "GATEWAY_PORT": "8443"}
    said = environment(environ, asked("a.example"), SOCKET)
    assert said == {**environ, "ACME_DOMAINS": "a.example"}
    options = asked("a.example", port=9443, host="10.0.0.1")
    said = environment(environ, options, SOCKET)
    assert (said["GATEWAY_HOST"], said["GATEWAY_PORT"]) == ("10.0.0.1", "9443")
    assert environment({}, asked("a.example", offset=100), SOCKET)["GATEWAY_PORT"] == "8180"
