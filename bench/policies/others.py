"""Envoy, nginx and HAProxy with the same policies, a host for each; what a peer can't do is left out."""

from bench.peers import envoy, haproxy, nginx
from bench.policies.envoy_hosts import envoy_peers
from bench.policies.haproxy_hosts import KNOWN as OF_HAPROXY
from bench.policies.haproxy_hosts import haproxy_peers
from bench.policies.nginx_hosts import nginx_peers

__all__ = ["KNOWN", "envoy_peers", "haproxy_peers", "nginx_peers"]

_BOTH = frozenset(
    (
        "request-headers",
        "response-headers",
        "query",
        "json",
        "gzip",
        "versions",
        "split",
        "mirror-0",
        "mirror-10",
    )
)
#: The cases that each peer has; nginx decides about a mirror only after it has begun one.
KNOWN = {envoy.NAME: _BOTH, nginx.NAME: _BOTH - {"mirror-0"}, haproxy.NAME: OF_HAPROXY}
