"""Envoy and nginx with the same policies, a host for each; what a peer has no such policy for is left out."""

from bench.peers import envoy, nginx
from bench.policies.envoy_hosts import envoy_peers
from bench.policies.nginx_hosts import nginx_peers

__all__ = ["KNOWN", "envoy_peers", "nginx_peers"]

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
KNOWN = {envoy.NAME: _BOTH, nginx.NAME: _BOTH - {"mirror-0"}}
