"""`lockgate serve`: a gateway and a registry for one's own services, in the foreground."""

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
@click.option("--host", help="On which address; else GATEWAY_HOST, else 127.0.0.1.")
@click.option(
    "--data-dir",
    metavar="FOLDER",
    type=options.Folder(),
    help="Where data, logs and the admin token are kept; else .lockgate/N here, N the port offset.",
)
@options.port_offset
def serve(port: int | None, host: str | None, data_dir: Path | None, port_offset: str) -> None:
    """Run a gateway for your own services, with a registry, in the foreground.

    Every variable of the gateway works; with REDIS_URL that registry is used, and none is started.
    `ps`, `services`, `routes`, `logs`, `doctor` and `register`, given in the same folder or below,
    find what runs.
    """
    from gateway.cli.serving import serve_in_foreground
    from gateway.stack.plan import parse_offset

    serve_in_foreground(port, host, data_dir, parse_offset(port_offset))
