"""Commands send the token of a stack to its own gateway alone, which its certificate shows."""

import socket
import ssl
import threading
from pathlib import Path

import pytest
import trustme

from gateway.stack.running.speaking import pinning

ROOT = trustme.CA(key_type=trustme.KeyType.ECDSA)
BETWEEN = ROOT.create_child_ca(key_type=trustme.KeyType.ECDSA)


def _leaf(*names: str, of: trustme.CA = BETWEEN) -> trustme.LeafCert:
    return of.issue_cert(*names, key_type=trustme.KeyType.ECDSA)


def _trusts(environment: dict[str, str], shown: trustme.LeafCert) -> bool:
    """Whether a command, which connects to an address, would send its token to this server."""
    context = pinning(environment)
    assert context is not None
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.configure_cert(server)
    one, other = socket.socketpair()

    def serve() -> None:
        try:
            with server.wrap_socket(other, server_side=True) as tls:
                tls.recv(1)
        except OSError:  # it was refused
            pass

    with one, other:
        one.settimeout(10)
        other.settimeout(10)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            context.wrap_socket(one, server_hostname="127.0.0.1").close()
        except ssl.SSLCertVerificationError:
            return False
        finally:
            one.close()
            thread.join()
    return True


@pytest.mark.parametrize("by", ["variable", "file"])
def test_another_certificate_of_the_same_authority_is_not_the_gateways(
    by: str, tmp_path: Path
) -> None:
    own = _leaf("shop.example")
    chain = tmp_path / "chain.pem"
    chain.write_bytes(b"".join(one.bytes() for one in own.cert_chain_pems))
    assert chain.read_bytes().count(b"BEGIN CERTIFICATE") == 2
    file = tmp_path / "lockgate.yaml"
    file.write_text("tls: {certificates: [{certificate_file: chain.pem, key_file: own.key}]}")
    said = {"TLS_CERT_FILE": str(chain)} if by == "variable" else {"GATEWAY_CONFIG": str(file)}

    assert _trusts(said, own)
    assert not _trusts(said, _leaf("shop.example"))


@pytest.mark.parametrize("by", ["variable", "file"])
def test_certificate_of_acme_must_be_for_its_domain(
    by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root.pem"
    ROOT.cert_pem.write_to_path(str(root))
    monkeypatch.setenv("SSL_CERT_FILE", str(root))
    file = tmp_path / "lockgate.yaml"
    file.write_text("tls: {acme: {domains: [api.shop.example, b.example]}}")
    said = {
        "variable": {"ACME_DOMAINS": " api.shop.example, b.example"},
        "file": {"GATEWAY_CONFIG": str(file)},
    }[by]

    assert _trusts(said, _leaf("api.shop.example"))
    assert not _trusts(said, _leaf("evil.example"))
    assert not _trusts(said, _leaf("api.shop.example", of=trustme.CA()))


@pytest.mark.parametrize("content", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nabc"])
def test_file_without_a_certificate_trusts_nobody(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "own.pem"
    file.write_bytes(content)
    assert not _trusts({"TLS_CERT_FILE": str(file)}, _leaf("shop.example"))


def test_gateway_without_tls_has_nothing_to_verify() -> None:
    assert pinning({}) is None
