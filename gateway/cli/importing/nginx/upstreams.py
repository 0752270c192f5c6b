"""Makes services of nginx's upstreams and of the addresses that proxy_pass names."""

import re
from collections.abc import Iterable

from gateway.cli.importing.model import Imported, Note, Place, Service
from gateway.cli.importing.nginx.balancing import balance_of
from gateway.cli.importing.nginx.hints import hint_for
from gateway.cli.importing.nginx.syntax import Directive
from gateway.cli.importing.values import url_of

#: Parts of a `server` line, and how Lockgate differs.
_PARAMETERS = {
    "weight": "the instances get equal shares",
    "max_fails": "health checks and failed requests take an instance out",
    "fail_timeout": "health checks and failed requests take an instance out",
    "max_conns": "UPSTREAM_CONNECTIONS says it, for all instances",
    "slow_start": "services.NAME.balance.slow_start says it, for all instances",
    "resolve": "",
}
_LEFT_OUT = {
    "down": "it is down",
    "backup": "Lockgate has no backups; add it to use it like the others",
}
_PORT = re.compile(r":[0-9]+$")


class Upstreams:
    """The upstreams of a file; each becomes a service when a location uses it, or at the end."""

    def __init__(self, directives: Iterable[Directive], imported: Imported) -> None:
        self._upstreams = {
            one.args[0]: one for one in directives if one.args and one.block is not None
        }
        self._imported = imported
        self._services: dict[tuple[str, str], Service] = {}

    def has(self, host: str) -> bool:
        return host in self._upstreams

    def service(self, scheme: str, host: str, place: Place) -> str | None:
        """The name of the service at an upstream or an address; None if it can have no address."""
        known = self._services.get((scheme, host))
        if known is None:
            upstream = self._upstreams.get(host)
            name = self._imported.service_names.give(host.replace(".", "-"))
            known = (
                Service(name, place, f"proxy_pass {scheme}://{host}", [])
                if upstream is None
                else Service(name, upstream.place, f"upstream {host}", [])
            )
            self._services[scheme, host] = known
            if upstream is not None:
                self._read(upstream, scheme, known)
            elif url := url_of(f"{scheme}://{host}"):
                known.urls.append(url)
            if known.urls:
                self._imported.services.append(known)
            else:
                self._imported.notes += [
                    Note(known.place, f"{known.origin}: none of its addresses can be used"),
                    *known.notes,
                ]
        return known.name if known.urls else None

    def finish(self) -> None:
        """Make services of the upstreams that no location uses, too."""
        used = {host for _, host in self._services}
        for host, upstream in self._upstreams.items():
            if host not in used:
                self.service("http", host, upstream.place)

    def _read(self, upstream: Directive, scheme: str, service: Service) -> None:
        for one in upstream.block or ():
            if (way := balance_of(one)) is not None:
                service.balance = {"by": way}
                continue
            if one.name != "server" or not one.args:
                service.notes.append(Note(one.place, hint_for(one)))
                continue
            address, *parameters = one.args
            # Without a port nginx takes 80, for https too.
            url = url_of(f"{scheme}://{address if _PORT.search(address) else f'{address}:80'}")
            if url is None:
                text = f"server {address}: left out, Lockgate needs a host and a port"
                service.notes.append(Note(one.place, text))
                continue
            left_out = next((why for word, why in _LEFT_OUT.items() if word in parameters), None)
            if left_out:
                service.notes.append(Note(one.place, f"server {address}: left out, {left_out}"))
            else:
                service.urls.append(url)
            for parameter in parameters:
                how = _PARAMETERS.get(parameter.partition("=")[0], "not understood")
                if how and parameter not in _LEFT_OUT:
                    service.notes.append(Note(one.place, f"{parameter}: {how}"))
