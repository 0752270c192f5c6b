"""Varnish, with the logic that it is built with."""

from bench.peers.peer import Launch, Site, find, version_of

NAME = "Varnish"


def version() -> str | None:
    """The version; None if it is not installed."""
    binary = find("varnishd")
    return version_of([binary, "-V"], word="varnish-") if binary else None


def launch(site: Site, *, origin_port: int, more: str = "", ttl_s: int = 0) -> Launch:
    """Varnish before one origin; `more` is what its VCL has besides.

    `ttl_s` holds for what says nothing of its freshness. Nothing is used when it is stale, but kept an hour
    to be validated, as the suite's own setting for it says.
    """
    backend = f'backend default {{ .host = "127.0.0.1"; .port = "{origin_port}"; }}'
    config = site.write("varnish.vcl", f"vcl 4.1;\n{backend}\n{more}")
    parameters = {"default_ttl": ttl_s, "default_grace": 0, "default_keep": 3600}
    return Launch(
        [
            *(find("varnishd") or "varnishd", "-F", "-j", "none", "-n", str(site.folder / "work")),
            *("-a", f"127.0.0.1:{site.port}", "-f", config, "-s", "malloc,64M"),
            *(part for name, value in parameters.items() for part in ("-p", f"{name}={value}")),
        ]
    )
