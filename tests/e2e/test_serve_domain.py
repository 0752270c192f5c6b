"""`lockgate serve --domain`, with a real authority that asks the gateway as Let's Encrypt would."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.support.eventually import eventually
from tests.support.pebble import Pebble, StartPebble, needs_pebble
from tests.support.pebble import start_pebble as start_pebble
from tests.support.raw_clients import RawClient
from tests.support.registry_servers import free_port
from tests.support.serving import Project, Serve

pytestmark = [pytest.mark.e2e, needs_pebble]

DOMAIN = "api.a.example"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "shop"
    folder.mkdir()
    return Project(folder)


def variables(pebble: Pebble) -> dict[str, str]:
    return {
        "ACME_DIRECTORY": pebble.directory,
        "ACME_CA_FILE": str(pebble.ca_file),
        "ACME_HTTP_PORT": str(pebble.http_port),
    }


def events(serve: Serve) -> dict[str, dict[str, Any]]:
    return {entry["event"]: entry for entry in serve.log}


async def served(port: int) -> bytes | None:
    """The certificate that clients of the domain get."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with await RawClient.connect(port, tls=context, server_name=DOMAIN) as client:
        found: bytes | None = client.writer.get_extra_info("ssl_object").getpeercert(True)
        return found


async def test_one_command_gets_a_certificate_and_keeps_it_over_a_restart(
    project: Project, start_pebble: StartPebble
) -> None:
    pebble, port = start_pebble(), free_port()
    options = ("--domain", DOMAIN, "--email", "ops@a.example", "--port", str(port))
    async with project.serve(*options, **variables(pebble)) as serve:
        assert f"listens at https://{DOMAIN}:{port}" in serve.said
        assert f"port 80, which must lead to {pebble.http_port} here" in serve.said
        assert f"port 443, which must lead to {port} here" in serve.said
        assert "You agree to that authority's terms." in serve.said
        await eventually(lambda: "certificate.obtained" in events(serve), within_s=40)
        first = await served(port)
        # The other commands find it: not at the port that the Internet reaches.
        status, _, error = await project.run("services")
        assert not error
        assert status == 0
    async with project.serve(*options, **variables(pebble)) as serve:
        await eventually(lambda: "certificate.taken" in events(serve), within_s=40)
        assert await served(port) == first
    assert pebble.orders() == 1


async def test_what_is_wrong_with_a_domain_is_told_in_one_line(project: Project) -> None:
    for domain, why in (
        ("*.a.example", "a certificate for a wildcard can't be had by HTTP or TLS"),
        ("127.0.0.1", "not an address"),
        ("localhost", "must be a domain such as api.example.com"),
    ):
        status, out, error = await project.run("serve", "--domain", domain)
        assert (status, out) == (2, "")
        assert "ACME_DOMAINS" in error
        assert why in error
    status, _, error = await project.run("serve", "--email", "ops@a.example")
    assert status == 2
    assert "--domain" in error
