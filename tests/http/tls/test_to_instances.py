"""What `services.NAME.tls` says of https instances holds for requests and probes, and follows its files."""

import ssl
from pathlib import Path

import pytest
import trustme

from tests.conftest import StartGateway, StartKeepAlive
from tests.support.certificates import issue
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway

pytestmark = pytest.mark.usefixtures("nothing_fails_behind_the_scenes")

FILE = """\
services:
  legacy:
    urls: ["https://127.0.0.1:PORT"]
    health: {path: /health, interval: 100ms}
    tls: {TLS}
routes:
  - {name: all, match: {}, service: legacy}
"""
KEY = "legacy/"


class Folder:
    """A folder with a configuration file and what it names."""

    def __init__(self, folder: Path, authority: trustme.CA) -> None:
        self.folder = folder
        self.file = folder / "lockgate.yaml"
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))

    def write(self, port: int, tls: str) -> str:
        self.file.write_text(FILE.replace("PORT", str(port)).replace("TLS", tls))
        return str(self.file)


@pytest.fixture
def folder(tmp_path: Path, authority: trustme.CA) -> Folder:
    return Folder(tmp_path, authority)


def server_side(
    authority: trustme.CA, name: str, clients: trustme.CA | None = None
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    if clients is not None:
        clients.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def health(gateway: RunningGateway) -> tuple[str, str]:
    instance = next(iter(gateway.gateway.overlay.routed.services["legacy"].values()))  # type: ignore[union-attr]
    found = gateway.member.health.health(instance.key)
    return gateway.member.health.status(instance.key), found.evidence


async def becomes(gateway: RunningGateway, status: str) -> str:
    await eventually(lambda: health(gateway)[0] == status)
    return health(gateway)[1]


async def test_own_authority_name_and_certificate_are_used(
    start_gateway: StartGateway,
    start_keep_alive: StartKeepAlive,
    authority: trustme.CA,
    folder: Folder,
) -> None:
    clients = trustme.CA()
    issue(clients, "gateway.example").write(folder.folder, "me")
    tls = server_side(authority, "legacy.internal", clients)
    upstream = await start_keep_alive(tls=tls)
    keys = (
        "ca_file: ca.pem, server_name: legacy.internal, certificate_file: me.pem, key_file: me.key"
    )
    gateway = await start_gateway(GATEWAY_CONFIG=folder.write(upstream.port, keys))

    await becomes(gateway, "healthy")

    assert (await gateway.get("/a")).status == 200
    assert len(upstream.requests) == 1


async def test_comments_beside_authorities_may_be_in_any_language(
    start_gateway: StartGateway,
    start_keep_alive: StartKeepAlive,
    authority: trustme.CA,
    folder: Folder,
) -> None:
    upstream = await start_keep_alive(tls=server_side(authority, "legacy.internal"))
    comment = "# Főtanúsítvány\n".encode()
    (folder.folder / "ca.pem").write_bytes(comment + authority.cert_pem.bytes())
    keys = "ca_file: ca.pem, server_name: legacy.internal"
    gateway = await start_gateway(GATEWAY_CONFIG=folder.write(upstream.port, keys))

    await becomes(gateway, "healthy")

    assert (await gateway.get("/a")).status == 200


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ("server_name: legacy.internal", "unable to get local issuer"),
        ("ca_file: ca.pem", "IP address mismatch"),
        ("ca_file: ca.pem, server_name: other.internal", "Hostname mismatch"),
    ],
)
async def test_instance_that_is_not_verified_gets_no_request(
    start_gateway: StartGateway,
    start_keep_alive: StartKeepAlive,
    authority: trustme.CA,
    folder: Folder,
    keys: str,
    why: str,
) -> None:
    upstream = await start_keep_alive(tls=server_side(authority, "legacy.internal"))
    gateway = await start_gateway(GATEWAY_CONFIG=folder.write(upstream.port, keys))

    assert why in await becomes(gateway, "unhealthy")

    assert (await gateway.get("/a")).status == 503
    assert upstream.connections == []


async def test_replaced_authority_holds_for_new_connections(
    start_gateway: StartGateway, start_keep_alive: StartKeepAlive, folder: Folder
) -> None:
    later = trustme.CA()
    upstream = await start_keep_alive(tls=server_side(later, "legacy.internal"))
    keys = "ca_file: ca.pem, server_name: legacy.internal"
    gateway = await start_gateway(GATEWAY_CONFIG=folder.write(upstream.port, keys))
    await becomes(gateway, "unhealthy")

    Folder(folder.folder, later)

    await becomes(gateway, "healthy")
    assert (await gateway.get("/a")).status == 200
