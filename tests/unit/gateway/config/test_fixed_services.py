"""Services with fixed addresses, from the text of a file to the instances that the gateway probes."""

from hypothesis import given
from hypothesis import strategies as st

from discovery.base.steps import at_once
from discovery.model.fixed import FixedHealth, FixedService, fixed_service
from gateway.config.compiled.compiling import compiling
from gateway.config.file.loading import read_bytes
from gateway.config.settings import GatewaySettings


def services_of(text: str) -> list[FixedService] | None:
    """The services of a file, None if it is refused."""
    read = read_bytes(text.encode())
    if read.configuration is None:
        return None
    return list(at_once(compiling(read.configuration, GatewaySettings())).fixed)


def test_the_file_says_where_the_instances_are_and_how_they_are_probed() -> None:
    found = services_of("""
services:
  price_service: {concurrent: 200}
  legacy:
    urls: ["http://10.0.0.5:9000", "https://[2001:db8::5]:9443", "http://Orders.internal"]
    health: {path: /health, interval: 500ms, statuses: [200-299, 401], body: ok}
  plain: {urls: ["http://10.0.0.6:9000"]}
""")
    urls = ["http://10.0.0.5:9000", "https://[2001:db8::5]:9443", "http://orders.internal:80"]
    assert found == [
        fixed_service("legacy", urls, FixedHealth("/health", 0.5, "200-299,401", "ok")),
        fixed_service("plain", ["http://10.0.0.6:9000"]),
    ]


def test_an_interval_alone_is_that_of_the_connects() -> None:
    """The statuses that are there by default were taken for those of a GET without a path."""
    assert services_of("services: {a: {urls: ['http://b'], health: {interval: 2s}}}") == [
        fixed_service("a", ["http://b"], FixedHealth(interval_s=2.0))
    ]


@given(
    st.from_regex(r"https?://[a-z0-9.\[\]:-]{1,30}(:[0-9]{1,6})?", fullmatch=True),
    st.from_regex(r"/[!-~]{0,20}", fullmatch=True),
)
def test_whatever_the_file_takes_is_an_instance(url: str, path: str) -> None:
    quoted = path.replace("'", "''")
    services_of(f"services: {{a: {{urls: ['{url}'], health: {{path: '{quoted}'}}}}}}")


def test_an_address_that_is_written_in_short_is_refused() -> None:
    for host in ("127.1", "0x7f.1", "10.0.0.256", "1"):
        assert services_of(f"services: {{a: {{urls: ['http://{host}:80']}}}}") is None


def test_a_health_that_no_instance_can_have_is_a_mistake_with_its_position() -> None:
    """It was found when the routes were compiled, as a traceback."""
    text = "services:\n  a:\n    urls: ['http://b']\n    health: {path: /%s, body: %s}\n"
    for path, body, told in (
        ("p" * 2048, "ok", "4:20: services.a.health.path: is too long: with its address it has"),
        ("p", "b" * 9000, "4:13: services.a.health: its statuses and body of 9049 bytes: at most"),
    ):
        read = read_bytes((text % (path, body)).encode())
        (mistake,) = read.errors
        assert mistake.line("f").startswith(f"f:{told}")
