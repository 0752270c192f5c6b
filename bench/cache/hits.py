"""What a hit costs beside a request that is passed on, in Lockgate, nginx and Varnish in one run."""

from collections.abc import Callable
from dataclasses import replace
from statistics import median

from bench.peers import lockgate, nginx, varnish
from bench.peers.peer import SMALL, Launch, Peer, Site
from bench.report import Bar, with_range
from bench.rounds import CONNECTIONS, Pair, cpu_us, in_rounds, per_s
from bench.stage import Proxy, Stage
from bench.workloads import UNIQUE, Workload

KEPT, PASSED_ON = "kept.example.com", "passed-on.example.com"
HIT = Bar("CPU of a hit, of that of a request that is passed on", 0.4)
# Varnish keeps no answer to a request with a cookie, unless it is told to.
_FIELDS = {name: value for name, value in UNIQUE.fields.items() if name != "Cookie"}
PASSED = replace(UNIQUE, name="passed on", fields=_FIELDS, host=PASSED_ON)
HITS = Workload("hit", "hits", "/unique?symbol=BTCUSDT", _FIELDS, host=KEPT, is_remembered=True)

_LOCKGATE = """\
routes:
- {{name: kept, match: {{host: {kept}}}, service: {service}, cache: {{default_ttl: 1h}}}}
- {{name: passed-on, match: {{host: {passed_on}}}, service: {service}}}
"""
_NGINX = """
    proxy_cache_path {folder}/cache levels=1:2 keys_zone=kept:8m inactive=600m;
    server {{
        listen 127.0.0.1:{port};
        server_name {kept};
        location / {{ proxy_pass http://small; {keeps_alive} proxy_cache kept; proxy_cache_valid 200 1h; }}
    }}
    server {{
        listen 127.0.0.1:{port};
        server_name {passed_on};
        location / {{ proxy_pass http://small; {keeps_alive} }}
    }}
"""
_VARNISH = f'sub vcl_recv {{ if (req.http.host == "{PASSED_ON}") {{ return (pass); }} }}'


def run(stage: Stage) -> None:
    rounds = 3 if stage.quick else 9
    peers = [_lockgate(stage), *_nginx(), *_varnish()]
    with stage.proxies(peers) as proxies:
        pairs = [(workload, proxy) for proxy in proxies for workload in (HITS, PASSED)]
        measured = in_rounds(stage, pairs, rounds)
        stage.report.title(f"Hits of the cache, {CONNECTIONS} connections, {rounds} rounds")
        rows = []
        for proxy in proxies:
            hit: Pair = (HITS, proxy)
            passed: Pair = (PASSED, proxy)
            if ratios := measured.ratios(hit, passed, cpu_us):
                hits, others = measured.of(*hit), measured.of(*passed)
                rows.append(
                    (
                        proxy.peer.title,
                        with_range(ratios),
                        with_range([cpu_us(one) for one in hits], 1),
                        with_range([cpu_us(one) for one in others], 1),
                        f"{median(map(per_s, hits)):,.0f}",
                        f"{median(one.load.p99_ms for one in hits):.2f}",
                        _verdict(stage, proxy, ratios),
                    )
                )
    head = (
        "proxy",
        "hit / passed on",
        "CPU µs of a hit",
        "CPU µs passed on",
        "hits/s",
        "p99 ms",
        "bar",
    )
    stage.report.table(head, rows)


def _verdict(stage: Stage, proxy: Proxy, ratios: list[float]) -> str:
    if proxy.peer.name != lockgate.NAME:
        return ""
    return stage.report.bar(HIT, median(ratios), with_range(ratios))


def _lockgate(stage: Stage) -> Peer:
    usual = lockgate.peer(stage.python, stage.registry.port)

    def launch(site: Site) -> Launch:
        made = usual.launch(site)
        service = f"{SMALL.rpartition('/')[2]}_service"
        text = _LOCKGATE.format(kept=KEPT, passed_on=PASSED_ON, service=service)
        file = site.write("lockgate.yaml", text)
        return replace(made, environment={**made.environment, "GATEWAY_CONFIG": file})

    return replace(usual, launch=launch)


def _nginx() -> list[Peer]:
    def launcher(peer: Peer) -> Callable[[Site], Launch]:
        def launch(site: Site) -> Launch:
            made = peer.launch(site)
            path = site.folder / "nginx.conf"
            more = _NGINX.format(
                port=site.port,
                folder=site.folder,
                kept=KEPT,
                passed_on=PASSED_ON,
                # The one that does the same work says it for all of its locations.
                keeps_alive="" if peer.same_work else 'proxy_set_header Connection "";',
            )
            http, _, _ = path.read_text().rpartition("}")
            path.write_text(f"{http}{more}}}\n")
            return made

        return launch

    return [replace(peer, launch=launcher(peer)) for peer in nginx.peers()]


def _varnish() -> list[Peer]:
    def launch(site: Site) -> Launch:
        return varnish.launch(site, origin_port=site.small_port, more=_VARNISH, ttl_s=3600)

    version = varnish.version()
    return [Peer(varnish.NAME, version, False, launch)] if version else []
