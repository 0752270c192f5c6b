"""The example file of passwords and certificates: each of its routes does what it says."""

import ssl
from pathlib import Path

import trustme

from tests.http.configured.conftest import StartConfigured
from tests.http.configured.test_basic import basic, bcrypt_line
from tests.support.certificates import issue
from tests.support.client_certificates import Made, authority, client, revocations
from tests.support.example_files import copied
from tests.support.raw_clients import RawAnswer, exchange

EXAMPLE = Path(__file__).parents[3] / "docs/examples/basic-and-mtls.yaml"
NAME = "shop.example"


async def test_every_route_of_the_example(
    start_configured: StartConfigured, tmp_path: Path
) -> None:
    server, clients = trustme.CA(key_type=trustme.KeyType.ECDSA), authority("clients")
    alice, bob = client(clients, "alice"), client(clients, "bob")
    shop = issue(server, NAME)
    contents = {
        "shop.pem": shop.chain,
        "shop.key": shop.key,
        "users.htpasswd": bcrypt_line("carol", "secret").encode(),
        "clients-ca.pem": clients.pem,
        "clients.crl": revocations(clients, bob),
    }
    example = copied(EXAMPLE, tmp_path, contents)
    configured = await start_configured(example.read_text())

    async def ask(path: str, *fields: str, shows: Made | None = None) -> RawAnswer:
        context = ssl.create_default_context()
        server.configure_trust(context)
        if shows is not None:
            context.load_cert_chain(shows.write(tmp_path, "client.pem"))
        lines = "".join(f"{line}\r\n" for line in (f"Host: {NAME}", *fields))
        request = f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode()
        return await exchange(configured.gateway.port, request, tls=context, server_name=NAME)

    def subject() -> list[bytes]:
        return configured.upstream.requests[-1].values(b"x-auth-subject")

    refused = await ask("/reports")
    challenge = b'Basic realm="back office", charset="UTF-8"'
    assert (refused.status, refused.values(b"www-authenticate")) == (401, [challenge])
    assert (await ask("/reports", basic("carol", "secret"))).status == 200
    assert subject() == [b"carol"]
    assert (await ask("/reports", shows=alice)).status == 401

    assert (await ask("/orders", basic("carol", "secret"))).status == 401
    assert (await ask("/orders", shows=bob)).status == 401
    assert (await ask("/orders", shows=alice)).status == 200
    assert subject() == [b"alice"]
    assert len(configured.upstream.requests[-1].values(b"client-cert")) == 1

    assert (await ask("/stock", basic("carol", "secret"), shows=bob)).status == 200
    assert subject() == [b"carol"]
    assert (await ask("/stock", shows=alice)).status == 200
    assert subject() == [b"alice"]
    assert (await ask("/stock", basic("carol", "wrong"))).status == 401
