"""What TLS costs: CPU per request over kept connections, and CPU per full handshake."""

import itertools
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import trustme

from bench.load import LoadError, load
from bench.peers import lockgate
from bench.peers.peer import SMALL, Site
from bench.processes import THIS_TREE, Running, StartError, free_port, pinned
from bench.report import Bar, with_range
from bench.rounds import CONNECTIONS
from bench.stage import Stage
from bench.tls.peers import Pair, Secured, peers
from bench.workloads import UNIQUE

AGAINST_PLAIN = Bar("CPU per request over TLS against Lockgate's plain hop", 1.25)
_ROUTED_WITHIN_S = 15.0


def run(stage: Stage) -> None:
    rounds = 3 if stage.quick else 7
    wanted = peers(stage.python, stage.registry.port, _pair(stage.folder))
    with ExitStack() as stack:
        running: dict[Secured, Running] = {}
        for peer in wanted:
            try:
                running[peer] = stack.enter_context(_started(stage, peer))
            except StartError as error:
                stage.report.say(f"{peer.title} is left out: {error}")
        cost_us: dict[Secured, list[float]] = defaultdict(list)
        per_s: dict[Secured, list[float]] = defaultdict(list)
        shake_us: dict[Secured, list[float]] = defaultdict(list)
        for _, (peer, one) in itertools.product(range(rounds + 1), running.items()):
            try:
                cost, rate = _requests(stage, peer, one)
            except LoadError as error:
                stage.report.say(f"{peer.title}: {error}")
                continue
            cost_us[peer].append(cost)
            per_s[peer].append(rate)
            if peer.tls:
                shake_us[peer].append(_handshakes(stage, one))
    stage.report.title(f"TLS over {CONNECTIONS} kept connections, {rounds} rounds")
    rows = []
    for peer in running:
        # The first round is for warming up.
        costs, rates = cost_us[peer][1:], per_s[peer][1:]
        if not costs:
            continue
        ratio = ""
        plain = next((p for p in running if p.name == peer.name and not p.tls), None)
        if peer.tls and plain is not None:
            ratios = [a / b for a, b in zip(costs, cost_us[plain][1:], strict=False)]
            ratio = with_range(ratios)
            if peer.name == lockgate.NAME:
                ratio += ", " + stage.report.bar(AGAINST_PLAIN, median(ratios), with_range(ratios))
        shakes = shake_us[peer][1:]
        rows.append(
            (
                peer.title,
                with_range(costs, 1),
                f"{median(rates):,.0f}",
                ratio,
                with_range(shakes, 0) if shakes else "",
                f"{1e6 / median(shakes):,.0f}" if shakes else "",
            )
        )
    columns = ("proxy", "CPU µs per request", "requests/s", "against its plain one")
    stage.report.table((*columns, "CPU µs per handshake", "handshakes/s of a core"), rows)


def _requests(stage: Stage, peer: Secured, running: Running) -> tuple[float, float]:
    """CPU per request in µs, and requests per second."""
    before = running.usage().cpu_s
    seen = load(
        running.port,
        UNIQUE.template(f"127.0.0.1:{running.port}", SMALL),
        core=stage.load_core,
        connections=CONNECTIONS,
        duration_s=2 if stage.quick else 3,
        scheme="https" if peer.tls else "http",
    )
    if seen.failed:
        raise LoadError(f"{seen.failed} of {seen.requests} requests failed")
    return (running.usage().cpu_s - before) * 1e6 / seen.requests, seen.per_s


def _handshakes(stage: Stage, running: Running) -> float:
    """CPU per full handshake in µs."""
    before = running.usage().cpu_s
    command = [sys.executable, "-m", "bench.tls.handshaking", str(running.port), "2"]
    ran = subprocess.run(
        pinned(stage.load_core, command),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return (running.usage().cpu_s - before) * 1e6 / int(ran.stdout)


@contextmanager
def _started(stage: Stage, peer: Secured) -> Iterator[Running]:
    folder = Path(tempfile.mkdtemp(dir=stage.folder))
    folder.chmod(0o755)
    site = Site(free_port(), stage.small_port, stage.stream_port, folder)
    launch = peer.launch(site)
    environment = {**THIS_TREE, **launch.environment}
    with Running(
        launch.command,
        core=stage.proxy_core,
        folder=folder,
        port=site.port,
        environment=environment,
    ) as running:
        _until_routed(f"{'https' if peer.tls else 'http'}://127.0.0.1:{site.port}{SMALL}/small")
        yield running


def _until_routed(url: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    until_s = time.monotonic() + _ROUTED_WITHIN_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5, context=context):
                return
        except (urllib.error.URLError, ConnectionError) as error:
            if time.monotonic() > until_s:
                raise StartError(f"{url} is not routed: {error}") from None
            time.sleep(0.05)


def _pair(folder: Path) -> Pair:
    """A certificate with an ECDSA key, as public authorities give by default."""
    leaf = trustme.CA(key_type=trustme.KeyType.ECDSA).issue_cert(
        "localhost", key_type=trustme.KeyType.ECDSA
    )
    pair = Pair(folder / "tls.pem", folder / "tls.key")
    pair.certificate.write_bytes(b"".join(one.bytes() for one in leaf.cert_chain_pems))
    pair.key.touch(0o600)
    pair.key.write_bytes(leaf.private_key_pem.bytes())
    return pair
