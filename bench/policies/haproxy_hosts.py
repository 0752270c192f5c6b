"""HAProxy: a backend for each policy. It changes no JSON, and mirrors only through an agent."""

from dataclasses import replace

from bench.peers import haproxy
from bench.peers.peer import Launch, Peer, Site
from bench.policies.cases import NONE, host_of

_SECOND = {
    "split": "rand(100) -m int lt 5",
    "versions": "req.hdr(Accept-Version) -m str 2",
}
_BACKENDS = {
    NONE: (),
    "request-headers": (
        "http-request set-header X-Tenant bench",
        "http-request add-header X-Seen 1",
        "http-request set-header X-New %[req.hdr(X-Old)]",
        "http-request del-header X-Old",
        "http-request del-header X-Debug",
    ),
    "response-headers": (
        "http-response set-header X-Frame-Options DENY",
        "http-response set-header X-Served-By haproxy",
        "http-response del-header Server",
    ),
    "query": ("http-request set-query %[query,regsub(debug=[^&]*&?,)]&v=2",),
    "gzip": ("compression algo gzip", "compression type application/json"),
    "versions": (),
    "split": (),
}
#: What it can do of the cases.
KNOWN = frozenset(_BACKENDS) - {NONE}


def haproxy_peers() -> list[Peer]:
    return [_with_policies(peer) for peer in haproxy.peers() if peer.same_work]


def _with_policies(peer: Peer) -> Peer:
    def launch(site: Site) -> Launch:
        made = peer.launch(site)
        path = site.folder / "haproxy.cfg"
        text = path.read_text().replace("global\n", "global\n    tune.comp.maxlevel 5\n", 1)
        rules = [
            f"    use_backend second if {{ req.hdr(Host) -m str {host_of(name)} }} {{ {condition} }}\n"
            for name, condition in _SECOND.items()
        ]
        rules += [
            f"    use_backend {name} if {{ req.hdr(Host) -m str {host_of(name)} }}\n"
            for name in _BACKENDS
        ]
        first = "    default_backend small"
        text = text.replace(first, "".join(rules) + first, 1)
        for name, lines in {**_BACKENDS, "second": ()}.items():
            inside = "".join(f"    {line}\n" for line in lines)
            text += f"backend {name}\n{inside}    server one 127.0.0.1:{site.small_port}\n"
        path.write_text(text)
        return made

    return replace(peer, launch=launch)
