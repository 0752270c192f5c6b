"""The limiter reaches every kind of registry that a URL names, with its login and its TLS."""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from string import Template
from urllib.parse import quote

import pytest
import trustme
from structlog.testing import capture_logs

from middlewares.limits.deciding import Policy
from tests.support.eventually import eventually
from tests.support.forwarders import Forwarder
from tests.support.limiters import ask_of, running
from tests.support.registry_groups import NAME, Sentinel, cluster
from tests.support.registry_servers import RegistryServer

pytestmark = pytest.mark.both_loops

ACL_FILE = Path(__file__).parents[3] / "deploy" / "registry.acl"
#: It has every character with a meaning in URLs.
PASSWORD = "p@ss:w/rd?&#%41"
QUOTED = quote(PASSWORD, safe="")
POLICY = Policy("default", 10, 600_000_000)


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def files(authority: trustme.CA, tmp_path: Path) -> str:
    """The query that names the authority, and a client's certificate and key."""
    client = authority.issue_cert("client")
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    client.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    client.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    names = {"ca_certs": "ca", "certfile": "cert", "keyfile": "key"}
    return "&".join(f"ssl_{name}={tmp_path}/{file}.pem" for name, file in names.items())


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    """A server's side that asks for a client's certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


@contextmanager
def server_with_users(folder: Path, *options: str) -> Iterator[RegistryServer]:
    """A server with the users of deploy/registry.acl, each with the same password."""
    names = ("OPERATOR", "SERVICE", "GATEWAY")
    passwords = {f"LOCKGATE_{name}_PASSWORD": PASSWORD for name in names}
    acl_file = folder / "registry.acl"
    acl_file.write_text(Template(ACL_FILE.read_text()).substitute(passwords))
    login = {"password": PASSWORD}
    with RegistryServer(folder, "--aclfile", str(acl_file), *options, login=login) as server:
        yield server


@contextmanager
def sentinel_of(folder: Path, port: int) -> Iterator[Sentinel]:
    sentinel = Sentinel(folder, port, 1, f'sentinel auth-pass {NAME} "{PASSWORD}"')
    try:
        yield sentinel
    finally:
        sentinel.kill()


@asynccontextmanager
async def server_of(
    kind: str, folder: Path, tls: ssl.SSLContext, files: str
) -> AsyncIterator[tuple[str, RegistryServer, int]]:
    """The URL of a kind of registry, the server that counts, and the database."""
    with ExitStack() as stack:
        if "cluster" in kind:
            (server,) = stack.enter_context(cluster(folder, 1))
            async with Forwarder(server.port, tls) as way:
                plain, secure = f"127.0.0.1:{server.port}", f"127.0.0.1:{way.port}?{files}"
                yield f"{kind}://{plain if kind == 'redis+cluster' else secure}", server, 0
            return
        path = folder / "socket"
        server = stack.enter_context(server_with_users(folder, "--unixsocket", str(path)))
        login = f"lockgate_gateway:{QUOTED}@"
        if kind == "unix":
            yield f"unix://{login}{path}?db=2", server, 2
        elif kind == "redis":
            yield f"redis://{login}localhost:{server.port}/3", server, 3
        elif kind == "password only":
            yield f"redis://:{QUOTED}@127.0.0.1:{server.port}", server, 0
        elif kind == "rediss":
            async with Forwarder(server.port, tls) as way:
                yield f"rediss://{login}127.0.0.1:{way.port}/1?{files}", server, 1
        elif kind == "redis+sentinel":
            sentinel = stack.enter_context(sentinel_of(folder / "sentinel", server.port))
            yield f"redis+sentinel://{login}127.0.0.1:{sentinel.port}/{NAME}/4", server, 4
        else:
            async with Forwarder(server.port, tls) as way:
                sentinel = stack.enter_context(sentinel_of(folder / "sentinel", way.port))
                async with Forwarder(sentinel.port, tls) as to_sentinel:
                    address = f"127.0.0.1:{to_sentinel.port}/{NAME}"
                    yield f"rediss+sentinel://{login}{address}?{files}", server, 0


@pytest.mark.parametrize(
    "kind",
    [
        *("redis", "password only", "unix", "rediss"),
        *("redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster"),
    ],
)
async def test_the_limiter_counts_in_it(
    kind: str, tmp_path: Path, tls: ssl.SSLContext, files: str
) -> None:
    async with server_of(kind, tmp_path, tls, files) as (url, server, database):
        await eventually(lambda: counts(url))
        with server.client() as client:
            client.select(database)
            (key,) = client.keys()
            assert key == b"{lockgate:default}:limit:default:client"


async def counts(url: str) -> bool:
    """Whether two limiters share one count; a sentinel that has just begun may know no server yet."""
    async with running(url) as one, running(url) as another:
        decisions = [await limiter.decide(ask_of("client", POLICY)) for limiter in (one, another)]
    first, second = (decision.remaining for decision in decisions)
    return not any(decision.locally for decision in decisions) and second == first - 1


@pytest.mark.parametrize("wrong", ["password", "user", "authority", "client certificate"])
async def test_a_refusal_is_logged_without_the_password(
    wrong: str, tmp_path: Path, tls: ssl.SSLContext, files: str
) -> None:
    async with server_of("rediss", tmp_path, tls, files) as (url, _, _):
        password = QUOTED
        if wrong == "password":
            password = "s3cret"
            url = url.replace(QUOTED, password)
        elif wrong == "user":
            url = url.replace("lockgate_gateway", "nobody")
        elif wrong == "authority":
            trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        else:
            url = url.partition("&")[0]
        with capture_logs() as logs:
            async with running(url) as limiter:
                assert (await limiter.decide(ask_of("client", POLICY))).locally
    (line,) = logs
    assert line["event"] == "rate_limit.alone"
    assert not any(secret in str(line) for secret in (password, PASSWORD))
    says = {"authority": "certificate", "client certificate": ""}.get(wrong, "password")
    assert says in line["detail"]
    assert line["detail"] != "no answer in time"


async def test_a_user_who_may_not_count_is_told_so(tmp_path: Path) -> None:
    with server_with_users(tmp_path) as server, capture_logs() as logs:
        url = f"redis://lockgate_service:{QUOTED}@127.0.0.1:{server.port}"
        async with running(url) as limiter:
            assert (await limiter.decide(ask_of("client", POLICY))).locally
    (line,) = logs
    assert "ACL" in line["detail"] or "permission" in line["detail"].lower()
