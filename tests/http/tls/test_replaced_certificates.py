"""Certificates that are replaced on disk serve new connections; a broken one changes nothing and is told."""

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme
from structlog.testing import capture_logs

from discovery.model.errors import SettingsError
from gateway.config.settings import load_settings
from gateway.worker import front_tls
from tests.conftest import StartGateway, StartUpstream
from tests.support.certificates import Issued, issue
from tests.support.eventually import eventually
from tests.support.gateways import RunningGateway
from tests.support.raw_clients import RawClient, exchange
from tests.support.upstreams import OK

NAME = "shop.example"
GET = b"GET /api/orders HTTP/1.1\r\nHost: shop.example\r\n\r\n"
STATUS = b"GET /status HTTP/1.1\r\nHost: shop.example\r\n\r\n"

pytestmark = pytest.mark.usefixtures("nothing_fails_behind_the_scenes")


async def serial(gateway: RunningGateway, trusting: ssl.SSLContext) -> str:
    """The serial number of the certificate that a new connection sees."""
    async with await RawClient.connect(gateway.port, tls=trusting, server_name=NAME) as client:
        shown = client.writer.get_extra_info("peercert")
        return str(shown["serialNumber"])


async def another(gateway: RunningGateway, trusting: ssl.SSLContext, before: str) -> None:
    async def is_another() -> bool:
        return await serial(gateway, trusting) != before

    await eventually(is_another)


async def test_files_of_variables_are_read_again(
    start_gateway: StartGateway,
    variables: dict[str, str],
    trusting: ssl.SSLContext,
    authority: trustme.CA,
    tmp_path: Path,
) -> None:
    gateway = await start_gateway(**variables)
    before = await serial(gateway, trusting)
    async with await RawClient.connect(gateway.port, tls=trusting, server_name=NAME) as kept:
        await kept.send(STATUS)
        assert (await kept.answer()).status == 200

        issue(authority, NAME).write(tmp_path, "shop")
        await another(gateway, trusting, before)

        await kept.send(STATUS)
        assert (await kept.answer()).status == 200


async def test_symbolic_links_are_followed(
    start_gateway: StartGateway, trusting: ssl.SSLContext, authority: trustme.CA, tmp_path: Path
) -> None:
    """Kubernetes mounts secrets so: `..data` leads to a folder, and is replaced by one that leads to another."""
    for number in (1, 2):
        (tmp_path / f"{number}").mkdir()
        issue(authority, NAME).write(tmp_path / f"{number}", "tls")
    (tmp_path / "..data").symlink_to("1")
    for end in ("pem", "key"):
        (tmp_path / f"tls.{end}").symlink_to(f"..data/tls.{end}")
    gateway = await start_gateway(
        TLS_CERT_FILE=str(tmp_path / "tls.pem"), TLS_KEY_FILE=str(tmp_path / "tls.key")
    )
    before = await serial(gateway, trusting)

    (tmp_path / "new").symlink_to("2")
    (tmp_path / "new").replace(tmp_path / "..data")

    await another(gateway, trusting, before)


async def test_key_that_does_not_match_changes_nothing(
    start_gateway: StartGateway,
    variables: dict[str, str],
    trusting: ssl.SSLContext,
    authority: trustme.CA,
    tmp_path: Path,
) -> None:
    gateway = await start_gateway(**variables)
    before = await serial(gateway, trusting)
    one, other = issue(authority, NAME), issue(authority, NAME)
    tls = gateway.gateway.tls
    assert tls is not None

    with capture_logs() as logs:
        Issued(one.chain, other.key).write(tmp_path, "shop")
        await eventually(lambda: tls.mistake)

    wrong = f"TLS_KEY_FILE='{tmp_path / 'shop.key'}': is not the key of the certificate"
    assert [entry["mistake"] for entry in logs if entry["event"] == "tls.rejected"] == [wrong]
    assert (await gateway.get("/status")).json()["tls"]["mistake"] == wrong
    assert await serial(gateway, trusting) == before

    one.write(tmp_path, "shop")
    await another(gateway, trusting, before)
    assert (await gateway.get("/status")).json()["tls"]["mistake"] is None


async def test_file_that_is_gone_is_told_and_taken_when_it_is_back(
    start_gateway: StartGateway,
    variables: dict[str, str],
    trusting: ssl.SSLContext,
    authority: trustme.CA,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(front_tls, "LOOK_EVERY_S", 0.05)
    gateway = await start_gateway(**variables)
    before = await serial(gateway, trusting)
    tls = gateway.gateway.tls
    assert tls is not None

    await asyncio.to_thread((tmp_path / "shop.pem").unlink)
    await eventually(lambda: "can't be read: No such file" in tls.mistake)
    assert await serial(gateway, trusting) == before

    issue(authority, NAME).write(tmp_path, "shop")
    await another(gateway, trusting, before)
    assert tls.mistake == ""


async def test_files_that_the_file_names_are_read_again(
    start_gateway: StartGateway,
    issued: Issued,
    trusting: ssl.SSLContext,
    authority: trustme.CA,
    tmp_path: Path,
) -> None:
    issued.write(tmp_path, "shop")
    file = tmp_path / "lockgate.yaml"
    file.write_text("tls: {certificates: [{certificate_file: shop.pem, key_file: shop.key}]}\n")
    gateway = await start_gateway(GATEWAY_CONFIG=str(file))
    before = await serial(gateway, trusting)
    configuration = gateway.gateway.configuration
    assert configuration is not None

    broken = issue(authority, NAME)
    Issued(issued.chain, broken.key).write(tmp_path, "shop")
    await eventually(lambda: configuration.mistakes)
    assert configuration.mistakes == (
        f"{file}:1:61: tls.certificates[0].key_file: is not the key of the certificate",
    )
    assert await serial(gateway, trusting) == before

    issue(authority, NAME).write(tmp_path, "shop")
    await another(gateway, trusting, before)


async def test_tls_is_switched_on_by_a_reload(
    start_gateway: StartGateway, issued: Issued, trusting: ssl.SSLContext, tmp_path: Path
) -> None:
    issued.write(tmp_path, "shop")
    file = tmp_path / "lockgate.yaml"
    file.write_text("discover: /api\n")
    gateway = await start_gateway(GATEWAY_CONFIG=str(file))
    configuration = gateway.gateway.configuration
    assert configuration is not None
    async with await RawClient.connect(gateway.port) as kept:
        await kept.send(STATUS)
        assert (await kept.answer()).status == 200

        file.write_text("tls: {certificates: [{certificate_file: shop.pem, key_file: shop.key}]}\n")
        await configuration.reload("a test")

        await kept.send(STATUS)
        assert (await kept.answer()).status == 200
    answer = await exchange(gateway.port, STATUS, tls=trusting, server_name=NAME)
    assert answer.status == 200
    assert gateway.member.url == f"https://localhost:{gateway.port}"


async def test_no_request_fails_while_certificates_are_exchanged_under_load(
    start_gateway: StartGateway,
    start_upstream: StartUpstream,
    variables: dict[str, str],
    trusting: ssl.SSLContext,
    authority: trustme.CA,
    tmp_path: Path,
) -> None:
    upstream = await start_upstream(OK)
    gateway = await start_gateway(**variables)
    await gateway.register("orders_service", upstream.port)
    stop = asyncio.Event()
    seen: set[str] = set()

    async def keeps() -> int:
        """Send requests over one connection."""
        number = 0
        async with await RawClient.connect(gateway.port, tls=trusting, server_name=NAME) as client:
            while not stop.is_set():
                await client.send(GET)
                assert (await client.answer()).status == 200
                number += 1
        return number

    async def comes_anew() -> int:
        """Send each request over a new connection."""
        number = 0
        while not stop.is_set():
            seen.add(await serial(gateway, trusting))
            answer = await exchange(gateway.port, GET, tls=trusting, server_name=NAME)
            assert answer.status == 200
            number += 1
        return number

    async with asyncio.TaskGroup() as group:
        clients = [group.create_task(one()) for one in (keeps, keeps, comes_anew, comes_anew)]
        for _ in range(3):
            before = await serial(gateway, trusting)
            issue(authority, NAME).write(tmp_path, "shop")
            await another(gateway, trusting, before)
        stop.set()

    assert all(client.result() > 0 for client in clients)
    assert len(seen) >= 3


@pytest.mark.parametrize("file", ["", "discover: /api\n"])
async def test_authorities_of_clients_without_tls_are_refused(
    start_gateway: StartGateway, authority: trustme.CA, tmp_path: Path, file: str
) -> None:
    """Else everybody would be let in by a setting that is to keep them out."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    environment = {"TLS_CLIENT_CA_FILE": str(tmp_path / "ca.pem")}
    if file:
        _write(tmp_path / "lockgate.yaml", file)
        environment["GATEWAY_CONFIG"] = str(tmp_path / "lockgate.yaml")
    with pytest.raises(SettingsError, match=r"TLS_CLIENT_CA_FILE=.*the port speaks no TLS"):
        await start_gateway(**environment)


def _write(file: Path, text: str) -> None:
    file.write_text(text)


@pytest.mark.parametrize("mode", [0o644, 0o640])
def test_key_that_others_can_read_is_refused(variables: dict[str, str], mode: int) -> None:
    Path(variables["TLS_KEY_FILE"]).chmod(mode)
    with pytest.raises(SettingsError, match=r"TLS_KEY_FILE=.*others can read it: `chmod 600"):
        load_settings(variables)


def test_certificate_that_is_no_file_is_told(variables: dict[str, str]) -> None:
    certificate = Path(variables["TLS_CERT_FILE"])
    certificate.unlink()
    with pytest.raises(SettingsError, match=r"TLS_CERT_FILE=.*: can't be read: No such file"):
        load_settings(variables)
    certificate.mkdir()
    with pytest.raises(SettingsError, match=r"TLS_CERT_FILE=.*: can't be read: Is a directory"):
        load_settings(variables)


@pytest.mark.parametrize(
    ("given", "lacks"), [("TLS_CERT_FILE", "TLS_KEY_FILE"), ("TLS_KEY_FILE", "TLS_CERT_FILE")]
)
def test_one_variable_needs_the_other(variables: dict[str, str], given: str, lacks: str) -> None:
    with pytest.raises(SettingsError, match=f"{given}=.*needs {lacks}"):
        load_settings({given: variables[given]})
