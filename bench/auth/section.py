"""What it costs in the hop to know who calls, beside Envoy's jwt_authn and Caddy's forward_auth."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from http.client import HTTPConnection
from statistics import median

from bench.auth import lockgate_file, others
from bench.auth.credentials import issue
from bench.auth.lockgate_file import WAYS, host_of
from bench.checking import PATIENCE_S
from bench.peers import caddy, envoy, lockgate
from bench.peers.peer import Peer, Site
from bench.processes import THIS_TREE, StartError, pinned
from bench.report import Bar, Report, with_range
from bench.rounds import CONNECTIONS, Pair, Rounds, cpu_us, in_rounds, per_s
from bench.stage import Proxy, Stage
from bench.workloads import UNIQUE, Workload

#: What each host asks for, in words.
TITLES = {
    "none": "nobody is asked",
    "key": "an API key",
    "remembered": "a remembered token",
    "new": "a new token (ES256)",
    "gate": "forward auth, remembered",
    "asking": "forward auth, asked each time",
}
OF_PEER = {
    lockgate.NAME: ("none", *WAYS),
    envoy.NAME: ("none", "remembered", "new"),
    caddy.NAME: ("none", "asking"),
}
REMEMBERED = Bar("CPU of a remembered token in the hop", 4, " µs")
IN_THE_LAYER = Bar("of that, in the layer", 4, " µs")
#: What costs no look at anything but the worker's memory.
KNOWN = ("none", "key", "remembered", "gate")


def run(stage: Stage) -> None:
    rounds = 3 if stage.quick else 9
    issued = issue()
    peers = [lockgate_file.peer(stage.python, stage.registry.port, issued)]
    peers += [*others.envoy_peers(issued), *others.caddy_peers()]
    with stage.proxies(peers) as proxies:
        pairs: dict[tuple[str, str], Pair] = {}
        for proxy in proxies:
            name = proxy.peer.name
            credentials = dict.fromkeys(TITLES, f"Bearer {issued.token}")
            if name == lockgate.NAME:
                credentials["key"] = f"Bearer {lockgate_file.new_key(proxy.port)}"
            for way in OF_PEER[name]:
                if wrong := _wrong(proxy, way, credentials[way]):
                    stage.report.say(f"{proxy.peer.title} is left out of {TITLES[way]}: {wrong}")
                else:
                    pairs[name, way] = _workload(way, credentials[way]), proxy
        measured = in_rounds(stage, pairs.values(), rounds)
        stage.report.title(f"Who calls, {CONNECTIONS} connections, {rounds} rounds")
        _show(stage.report, pairs, measured)
        ours = {way: pair[0] for (name, way), pair in pairs.items() if name == lockgate.NAME}
        if ours:
            _show_layer(stage, peers[0], [ours[way] for way in KNOWN if way in ours])


def _workload(way: str, credential: str) -> Workload:
    fields = {**UNIQUE.fields, "Authorization": credential}
    return replace(UNIQUE, name=way, title=TITLES[way], fields=fields, host=host_of(way))


def _wrong(proxy: Proxy, way: str, credential: str) -> str:
    """What is wrong with its door; empty if it admits the credential, and nothing else."""
    forged = credential[:-5] + ("AAAAA" if not credential.endswith("AAAAA") else "BBBBB")
    admitted, refused = (_status(proxy.port, way, one) for one in (credential, forged))
    if admitted != 200:
        return f"it answers {admitted} to the credential"
    # The origin that is asked admits everybody.
    if way not in ("none", "gate", "asking") and refused != 401:
        return f"it answers {refused} to a forged credential"
    return ""


def _status(port: int, way: str, credential: str) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        fields = {"Host": host_of(way), "Authorization": credential}
        connection.request("GET", UNIQUE.target.partition("?")[0], headers=fields)
        return connection.getresponse().status
    finally:
        connection.close()


def _show(report: Report, pairs: Mapping[tuple[str, str], Pair], measured: Rounds) -> None:
    """What each way costs above nobody being asked, within a round; then the figures behind it."""
    rows = []
    for (name, way), (workload, proxy) in pairs.items():
        ours = measured.of(workload, proxy)
        if not ours:
            continue
        none = pairs.get((name, "none"))
        more = measured.differences((workload, proxy), none, cpu_us) if none else []
        verdict = ""
        if (name, way) == (lockgate.NAME, "remembered") and more:
            verdict = report.bar(REMEMBERED, median(more), with_range(more, 1))
        rows.append(
            (
                name,
                TITLES[way],
                with_range(more, 1) if more and way != "none" else "",
                with_range([cpu_us(one) for one in ours], 1),
                f"{median(map(per_s, ours)):,.0f}",
                f"{median(one.load.p99_ms for one in ours):.2f}",
                verdict,
            )
        )
    head = (
        "proxy",
        "who calls",
        "CPU µs more",
        "CPU µs per request",
        "requests/s",
        "p99 ms",
        "bar",
    )
    report.table(head, rows)


def _show_layer(stage: Stage, peer: Peer, known: Sequence[Workload]) -> None:
    """What the layer takes for what a worker remembers, without sockets."""
    folder = stage.folder / "layer"
    folder.mkdir()
    launch = peer.launch(Site(0, stage.small_port, stage.stream_port, folder))
    said = {
        "environment": dict(launch.environment),
        "asked": {one.host: one.fields["Authorization"] for one in known},
    }
    ran = subprocess.run(
        pinned(stage.proxy_core, [stage.python, "-m", "bench.auth.layer_alone"]),
        input=json.dumps(said),
        capture_output=True,
        text=True,
        env={**os.environ, **THIS_TREE},
        timeout=120,
        check=False,
    )
    if ran.returncode:
        raise StartError(ran.stderr.strip()[-600:])
    found = json.loads(ran.stdout.splitlines()[-1])  # log lines come before it
    rows = []
    for one in known[1:]:
        value = found[one.host]
        verdict = stage.report.bar(IN_THE_LAYER, value) if one.name == "remembered" else ""
        rows.append((one.title, f"{value:.2f}", verdict))
    stage.report.title("The layer alone, the least of many runs")
    stage.report.table(("who calls", "µs more", "bar"), rows)
