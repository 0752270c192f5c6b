"""The configured routes of `make bench`: each proxy's configuration says the same ones."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice

import pytest

from bench.peers import envoy, haproxy, lockgate, nginx
from bench.route_set import HOSTS, Route, requests_over, routes
from bench.route_tables import OTHERS
from bench.workloads import new_run, requests
from discovery.base.steps import at_once
from gateway.config.compiled.compiling import compiling
from gateway.config.file.loading import read_bytes
from gateway.config.settings import GatewaySettings
from middlewares.header_section import HeaderSection
from middlewares.routing.matching.matcher import Hit

#: Says how many routes of a configuration take a request for this host and path.
Takers = Callable[[str, str], int]


def lockgate_s(table: Sequence[Route]) -> Takers:
    read = read_bytes(lockgate.configuration(table).encode())
    assert read.configuration is not None, read.errors
    assert len(read.configuration.routes) == len(table)
    matcher = at_once(compiling(read.configuration, GatewaySettings())).matcher
    section = HeaderSection([])
    return lambda host, path: isinstance(matcher.find(host.encode(), path, "GET", section, ""), Hit)


def nginx_s(table: Sequence[Route]) -> Takers:
    servers = {
        re.search(r"server_name (.*);", server)[1]: re.findall(  # type: ignore[index]
            r"location (\S+) \{ (?:location ~ (\S+) )?", server
        )
        for server in nginx.hosts(80, table).split("server {")[1:]
    }

    def takers(host: str, path: str) -> int:
        return sum(
            path.startswith(prefix) and bool(re.search(expression, path))
            for prefix, expression in servers.get(host, ())
        )

    return takers


def haproxy_s(table: Sequence[Route]) -> Takers:
    templates, prefixes = (
        [line.partition(" ")[0] for line in text.splitlines()] for text in haproxy.maps(table)
    )

    def takers(host: str, path: str) -> int:
        starred = "/".join([host, *path.split("/")[1:3], "*", *path.split("/")[4:]])
        return templates.count(starred) + sum(
            f"{host}{path}".startswith(prefix) for prefix in prefixes
        )

    return takers


def envoy_s(table: Sequence[Route]) -> Takers:
    hosts = {domain: one["routes"] for one in envoy.hosts(table) for domain in one["domains"]}

    def takes(match: dict[str, dict[str, dict[str, str]]], path: str) -> bool:
        if policy := match.get("path_match_policy"):
            template = policy["typed_config"]["path_template"]
            return bool(re.fullmatch(template.replace("{id}", "[^/]+"), path))
        return f"{path}/".startswith(f"{match['path_separated_prefix']}/")

    return lambda host, path: sum(takes(one["match"], path) for one in hosts.get(host, ()))


READERS = [lockgate_s, nginx_s, haproxy_s, envoy_s]


@pytest.mark.parametrize("number", [1, 100, 5000])
@pytest.mark.parametrize("reader", READERS)
def test_each_request_has_its_route(reader: Callable[..., Takers], number: int) -> None:
    takers = reader(routes(number))
    template = requests_over(number).template("proxy.example", "/api/bench")
    for request in islice(requests(template, new_run()), 50):
        path, host = re.match(r"GET (.*)\?.*\r\nHost: (.*)\r\n", request.decode()).groups()  # type: ignore[union-attr]
        assert takers(host, path) == 1


@pytest.mark.parametrize("reader", READERS)
def test_each_route_takes_a_request(reader: Callable[..., Takers]) -> None:
    table = routes(200)
    takers = reader(table)
    assert all(takers(one.host, f"{one.prefix}/4711/unique") == 1 for one in table)


@pytest.mark.parametrize("number", [1, 100, 5000])
@pytest.mark.parametrize("reader", READERS)
def test_no_route_takes_the_others(reader: Callable[..., Takers], number: int) -> None:
    takers = reader(routes(number))
    assert not any(takers(host, path) for host, path in OTHERS)


def test_the_hosts_have_equally_many_routes_of_both_kinds() -> None:
    kinds = Counter((one.host, one.has_template) for one in routes(5000))
    assert len(kinds) == 2 * HOSTS
    assert set(kinds.values()) == {50}
