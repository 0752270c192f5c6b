"""sslyze finds nothing in the gateway's TLS (`pipx install sslyze`; it can't share our environment)."""

import asyncio
import datetime
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.conftest import StartGateway
from tests.support.certificates import Issued

SSLYZE = shutil.which("sslyze")
NAME = "shop.example"
#: The curves are OpenSSL's own choice, which grows with it. These are sound, and Mozilla's list lacks them.
SOUND_CURVES = {"secp521r1", "X448"}

pytestmark = pytest.mark.skipif(SSLYZE is None, reason="sslyze is not in PATH")


def public_like(name: str) -> tuple[Issued, bytes]:
    """A certificate with the extensions that public authorities give, and its authority."""
    now = datetime.datetime.now(datetime.UTC)
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test's authority")])
    identifier = x509.SubjectKeyIdentifier.from_public_key(root_key.public_key())
    begun = (
        x509.CertificateBuilder()
        .issuer_name(root_name)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=80))
    )
    root = (
        begun.subject_name(root_name)
        .public_key(root_key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(identifier, critical=False)
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        begun.subject_name(x509.Name([]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
            critical=False,
        )
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Issued(leaf.public_bytes(pem), private), root.public_bytes(pem)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


async def scan(port: int, folder: Path) -> tuple[dict[str, Any], list[str]]:
    """The results of each scan, and what differs from Mozilla's intermediate configuration."""
    assert SSLYZE is not None
    out = folder / "sslyze.json"
    process = await asyncio.create_subprocess_exec(
        SSLYZE,
        *("--certinfo_ca_file", str(folder / "root.pem"), "--json_out", str(out)),
        *("--sni", NAME, f"127.0.0.1:{port}"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(50):
        said, _ = await process.communicate()
    await process.wait()
    lines = [line.strip() for line in said.decode().splitlines()]
    differs = [line.removeprefix("* ") for line in lines if line.startswith("* ") and "_" in line]
    read = await asyncio.to_thread(out.read_text)
    return json.loads(read)["server_scan_results"][0]["scan_result"], differs


async def test_nothing_is_found(start_gateway: StartGateway, tmp_path: Path) -> None:
    issued, root = public_like(NAME)
    certificate, key = issued.write(tmp_path, "shop")
    await asyncio.to_thread((tmp_path / "root.pem").write_bytes, root)
    gateway = await start_gateway(TLS_CERT_FILE=str(certificate), TLS_KEY_FILE=str(key))

    found, differs = await scan(gateway.port, tmp_path)

    for old in ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"):
        assert found[f"{old}_cipher_suites"]["result"]["accepted_cipher_suites"] == []
    for new in ("tls_1_2", "tls_1_3"):
        assert len(found[f"{new}_cipher_suites"]["result"]["accepted_cipher_suites"]) == 3
    said = {name: one["result"] for name, one in found.items() if one["result"]}
    assert not said["heartbleed"]["is_vulnerable_to_heartbleed"]
    assert not said["openssl_ccs_injection"]["is_vulnerable_to_ccs_injection"]
    assert not said["tls_compression"]["supports_compression"]
    assert not said["session_renegotiation"]["is_vulnerable_to_client_renegotiation_dos"]
    assert said["session_renegotiation"]["supports_secure_renegotiation"]
    assert said["tls_fallback_scsv"]["supports_fallback_scsv"]
    assert said["tls_extended_master_secret"]["supports_ems_extension"]
    assert "NOT_VULNERABLE" in said["robot"]["robot_result"]
    curves = said["elliptic_curves"]["supported_curves"]
    assert {one["name"] for one in curves} - SOUND_CURVES == {"X25519", "secp256r1", "secp384r1"}
    assert [one for one in differs if not one.startswith("tls_curves: ")] == []
