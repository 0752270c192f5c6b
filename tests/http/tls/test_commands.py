"""`lockgate serve` with TLS: the other commands find it, and send its token to no other certificate."""

import asyncio
from pathlib import Path

import pytest
import trustme

from tests.support.certificates import issue
from tests.support.serving import Project

NAME = "shop.example"


@pytest.mark.parametrize("by", ["variables", "file"])
async def test_commands_speak_tls_to_the_stacks_own_gateway(
    by: str, authority: trustme.CA, tmp_path: Path
) -> None:
    project = Project(tmp_path)
    certificate, key = issue(authority, NAME, "localhost").write(tmp_path, "shop")
    if by == "variables":
        variables = {"TLS_CERT_FILE": str(certificate), "TLS_KEY_FILE": str(key)}
    else:
        file = tmp_path / "lockgate.yaml"
        _write(file, "tls: {certificates: [{certificate_file: shop.pem, key_file: shop.key}]}\n")
        variables = {"GATEWAY_CONFIG": str(file)}

    async with project.serve(**variables):
        status, out, err = await project.run("services", **variables)
        assert (status, err) == (0, "")
        rows = await project.ps()
        assert rows["api_gateway"]["health"] == "healthy"
        _, out, _ = await project.run("doctor", **variables)
        assert "certificates: shop.example, localhost until" in out
        assert "https://localhost:" in (tmp_path / "err").read_text()

        by_url = ("services", "--url", f"https://localhost:{rows['api_gateway']['port']}")
        status, out, err = await project.run(*by_url)
        assert status == 1
        assert "name that one's file in SSL_CERT_FILE" in err
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        status, out, err = await project.run(*by_url, SSL_CERT_FILE=str(tmp_path / "ca.pem"))
        assert (status, err) == (0, "")

        # Somebody else's certificate in the file is not the gateway's: nothing is sent to it.
        other = issue(trustme.CA(), NAME)
        await asyncio.to_thread(certificate.write_bytes, other.chain)
        status, out, err = await project.run("services", **variables)
        assert status == 1
        assert "the certificate that it shows is not what its certificate files have now" in err

        # A file that can't be used stops no command: doctor says what is wrong.
        await asyncio.to_thread(certificate.write_text, "rubbish")
        status, out, err = await project.run("services", **variables)
        assert status == 1
        assert "the certificate that it shows is not what its certificate files have now" in err
        status, out, err = await project.run("doctor", **variables)
        assert (status, err) == (1, "")
        assert "the certificate that it shows is not what" in out
        if by == "file":
            assert "shop.pem can't be used" in out


def _write(file: Path, text: str) -> None:
    file.write_text(text)
