"""What the files that ways name must hold, and how it is told where they are named."""

from pathlib import Path

import pytest

from gateway.config.file.loading import read_file
from tests.support.client_certificates import authority, client, revocations

ROOT = authority("clients")
ALICE = client(ROOT, "alice")
BASIC = "auth:\n  ops: {type: basic, users_file: file}\ndefaults: {auth: none}\n"
MTLS = "auth:\n  mesh: {type: mtls, ca_file: file}\ndefaults: {auth: none}\n"
CRL = MTLS.replace("file}", "ca.pem, crl_file: file}")
BCRYPT = b"$2y$05$" + b"a" * 53


def mistakes(folder: Path, text: str, content: bytes) -> list[str]:
    (folder / "ca.pem").write_bytes(ROOT.pem)
    (folder / "file").write_bytes(content)
    (folder / "lockgate.yaml").write_text(text)
    read = read_file(str(folder / "lockgate.yaml"))
    return [mistake.line("f").replace(str(folder), "…") for mistake in read.errors]


@pytest.mark.parametrize(
    ("text", "content", "said"),
    [
        (
            BASIC,
            b"alice:" + BCRYPT + b"\nbob:{SHA}abc=\ncarol:plain\n",
            (
                "f:2:34: auth.ops.users_file: what is in …/file can't be used: line 2: SHA-1 is too weak: bcrypt "
                "and argon2 are read here; `htpasswd -B FILE NAME` makes a bcrypt line; line 3: no hash of bcrypt or "
                "argon2; `htpasswd -B FILE NAME` makes a bcrypt line"
            ),
        ),
        (
            MTLS,
            ALICE.pem,
            (
                "f:2:31: auth.mesh.ca_file: what is in …/file can't be used: the certificate of CN=alice is no "
                "authority's (CA:TRUE is missing)"
            ),
        ),
        (
            MTLS,
            b"nothing",
            (
                "f:2:31: auth.mesh.ca_file: what is in …/file can't be used: it has no certificate in PEM "
                "(-----BEGIN CERTIFICATE-----)"
            ),
        ),
        (
            CRL,
            ROOT.pem,
            (
                "f:2:49: auth.mesh.crl_file: what is in …/file can't be used: it has no revocation list in PEM "
                "(-----BEGIN X509 CRL-----)"
            ),
        ),
        (
            CRL,
            revocations(ROOT, partial=True),
            (
                "f:2:49: auth.mesh.crl_file: what is in …/file can't be used: the revocation list of CN=clients is a "
                "part of one: a whole one is needed"
            ),
        ),
    ],
)
def test_a_content_that_is_of_no_use_is_told_where_it_is_named(
    text: str, content: bytes, said: str, tmp_path: Path
) -> None:
    assert mistakes(tmp_path, text, content) == [said]


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (BASIC, b"alice:" + BCRYPT + b"\n"),
        (BASIC, b""),
        (MTLS, ROOT.pem),
        (CRL, revocations(ROOT, ALICE)),
    ],
)
def test_a_content_that_can_be_used_is_no_mistake(
    text: str, content: bytes, tmp_path: Path
) -> None:
    assert mistakes(tmp_path, text, content) == []
