"""The example of docs/tls.md works as it stands, but for its ports."""

import ssl
from pathlib import Path

import pytest
import trustme

from tests.conftest import StartGateway, StartKeepAlive
from tests.support.certificates import issue
from tests.support.eventually import eventually
from tests.support.example_files import copied
from tests.support.raw_clients import exchange
from tests.support.registry_servers import free_port

EXAMPLE = Path(__file__).parents[3] / "docs/examples/tls.yaml"

pytestmark = pytest.mark.usefixtures("nothing_fails_behind_the_scenes")


def _folder(authority: trustme.CA, folder: Path, changed: dict[str, str]) -> Path:
    contents = {
        "clients-ca.pem": authority.cert_pem.bytes(),
        "legacy-ca.pem": authority.cert_pem.bytes(),
    }
    names = {"shop": "shop.example", "internal": "*.internal.example", "gateway": "gateway.example"}
    for stem, name in names.items():
        issued = issue(authority, name)
        contents |= {f"{stem}.pem": issued.chain, f"{stem}.key": issued.key}
    file = copied(EXAMPLE, folder, contents)
    text = file.read_text()
    for before, after in changed.items():
        assert before in text
        text = text.replace(before, after)
    file.write_text(text)
    return file


async def test_example_does_what_it_says(
    start_gateway: StartGateway,
    start_keep_alive: StartKeepAlive,
    authority: trustme.CA,
    trusting: ssl.SSLContext,
    tmp_path: Path,
) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("legacy.internal").configure_cert(server)
    authority.configure_trust(server)
    server.verify_mode = ssl.CERT_REQUIRED
    legacy = await start_keep_alive(tls=server)
    plain = free_port()
    file = _folder(authority, tmp_path, {"9443": str(legacy.port), "8081": str(plain)})
    gateway = await start_gateway(GATEWAY_CONFIG=str(file))

    async def passes() -> bool:
        request = b"GET /a HTTP/1.1\r\nHost: shop.example\r\n\r\n"
        answer = await exchange(gateway.port, request, tls=trusting, server_name="shop.example")
        assert answer.values(b"strict-transport-security") == [
            b"max-age=31536000; includeSubDomains"
        ]
        return answer.status == 200

    await eventually(passes)
    request = b"GET /a HTTP/1.1\r\nHost: a.internal.example\r\n\r\n"
    answer = await exchange(gateway.port, request, tls=trusting, server_name="a.internal.example")
    assert (answer.status, answer.body) == (200, b"here\n")
    answer = await exchange(plain, request)
    assert answer.values(b"location") == [b"https://a.internal.example:%d/a" % gateway.port]
