"""Finds the routes of a configuration file that never get a request."""

from collections.abc import Iterator
from dataclasses import replace

from gateway.config.compiled.compiling import match_of
from gateway.config.compiled.own_paths import canonical, used_ways
from gateway.config.file.auth.oidc import Oidc
from gateway.config.file.configuration import Configuration
from gateway.config.file.cross_checks import behind_endpoint, behind_log_in, never_reached
from gateway.config.file.loading import Read
from gateway.config.file.mistakes import Mistake
from gateway.config.file.nodes import Node
from gateway.worker.own_paths import ON_BOTH_PORTS, endpoint_at
from middlewares.auth.ways.oidc.spec import OWN_PATHS
from middlewares.routing.matching.matcher import Matcher


def with_unreached(read: Read) -> Read:
    """The same, with a warning for each route that gets no request."""
    if read.configuration is None:
        return read
    found = _unreached(read.configuration, read.root)
    return replace(read, mistakes=tuple(sorted((*read.mistakes, *found))))


def _unreached(configuration: Configuration, root: Node) -> Iterator[Mistake]:
    matches = [(match_of(route), index) for index, route in enumerate(configuration.routes)]
    for index, before in Matcher(matches).unreachable():
        yield never_reached(root, index, before)
    for match, index in matches:
        endpoint = None if match.path is None else endpoint_at(match.path)
        if endpoint is not None:
            on_both_ports = endpoint in ON_BOTH_PORTS
            yield behind_endpoint(root, index, endpoint, on_both_ports=on_both_ports)
    hosts = {
        host
        for host, names in used_ways(configuration)
        if any(_logs_in(configuration, name) for name in names)
    }
    for match, index in matches:
        host = None if match.host is None else canonical(match.host)
        if match.path in OWN_PATHS and host in hosts:
            yield behind_log_in(root, index, match.path)


def _logs_in(configuration: Configuration, way: str) -> bool:
    return isinstance(configuration.auth.get(way), Oidc)
