"""`lockgate serve`: a gateway with a registry for your own services, in the foreground."""

from pathlib import Path

import click

from gateway.cli import options
from gateway.cli.application import command
from gateway.cli.numbers import Number


@command(example="lockgate serve --port 9090")
@click.option(
    "--port",
    type=Number(int, 0, 65535),
    help="Where the gateway listens; else GATEWAY_PORT, else 8080. 0: a free port.",
)
@click.option("--host", help="The address to listen on; else GATEWAY_HOST, else 127.0.0.1.")
@click.option(
    "--workers",
    metavar="N",
    help="Worker processes, or auto: one for each usable core; else GATEWAY_WORKERS, else 1.",
)
@click.option(
    "--data-dir",
    metavar="FOLDER",
    type=options.Folder(),
    help="Where data, logs and the admin token are kept; else .lockgate/N here, N the port offset.",
)
@click.option(
    "--config",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A configuration file with routes and policies; else GATEWAY_CONFIG.",
)
@click.option(
    "--domain",
    "domains",
    metavar="NAME",
    multiple=True,
    help="Get a certificate for this name from Let's Encrypt, and speak TLS; for several names say it again. "
    "The name must lead to this machine, and the Internet must reach it at the ports 80 and 443. The "
    "extra acme is needed. You agree to the authority's terms.",
)
@click.option(
    "--email", metavar="ADDRESS", help="Where the authority of the certificates can write to."
)
@options.port_offset
def serve(
    port: int | None,
    host: str | None,
    workers: str | None,
    data_dir: Path | None,
    config: Path | None,
    domains: tuple[str, ...],
    email: str | None,
    port_offset: str,
) -> None:
    """Run a gateway for your own services, with a registry, in the foreground.

    It reads every variable of the gateway. If REDIS_URL is set, it uses that registry and starts
    none. `ps`, `services`, `routes`, `logs`, `doctor` and `register` find what runs here if they are
    given in the same folder or below.

    With --domain it listens at every address, at port 443 for TLS and at port 80 for plain HTTP, unless
    --host, --port and ACME_HTTP_PORT say otherwise. Everything but /api, /health, /ready and the routes of
    a file is then at a socket in the folder of its data, unless ADMIN_LISTEN says otherwise.
    """
    if email is not None and not domains:
        raise click.UsageError("--email is for the certificates of --domain, which is not given")
    from gateway.cli.serving import Asked, serve_in_foreground
    from gateway.stack.plan import parse_offset

    asked = Asked(port, host, data_dir, config, domains, email, parse_offset(port_offset), workers)
    serve_in_foreground(asked)
