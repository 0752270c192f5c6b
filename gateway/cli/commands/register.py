"""`lockgate register`: runs any program as an instance of a service."""

from typing import Any

import click

from gateway.cli import options
from gateway.cli.application import command
from gateway.cli.numbers import Number

EXIT_STATUSES = (
    "Exit statuses: the program's own; 128 + N when signal N ended it; 126 it can't be run; 127 it "
    "is not found; 1 another program has the port, or the registration is refused; 2 asked for "
    "something that makes no sense."
)


# Everything after the program's name belongs to the program, with or without `--`.
@command(
    example="lockgate register --name orders --port 9000 --health-path /health -- ./orders -v",
    exit_statuses=EXIT_STATUSES,
    context_settings={"allow_interspersed_args": False},
)
@click.argument(
    "command", nargs=-1, required=True, metavar="-- PROGRAM [ARGS]...", type=click.UNPROCESSED
)
@click.option("--name", metavar="NAME", required=True, help="The service; /api/NAME leads to it.")
@click.option(
    "--port",
    type=Number(int),
    metavar="PORT",
    required=True,
    help="Where the program listens; 0: a free port, which the program reads from $PORT.",
)
@click.option(
    "--host", metavar="HOST", help="What others connect to; else ADVERTISE_HOST, else localhost."
)
@click.option("--health-path", metavar="PATH", help="Probe this path; 200 to 299 is healthy.")
@click.option(
    "--health-status", metavar="STATUSES", help="Healthy statuses instead, as in 200-299,401."
)
@click.option("--health-body", metavar="TEXT", help="Text that a healthy answer must contain.")
@click.option(
    "--health-host", metavar="HOST", help="The Host field of probes, where the program checks it."
)
@click.option(
    "--health-probe",
    metavar="KIND",
    help="http, tcp or heartbeat; else http with --health-path, tcp without.",
)
@click.option("--tcp", is_flag=True, help="Probe by connecting to the port (the default).")
@click.option(
    "--weight",
    metavar="N",
    type=Number(int),
    default=1,
    help="Its share of the requests, 0 to 1000.",
)
@click.option("--version", metavar="VERSION", help="A semantic version.")
@click.option("--metadata", metavar="KEY=VALUE", multiple=True, help="May be given several times.")
@click.option(
    "--ttl",
    type=Number(float),
    metavar="SECONDS",
    help="Seconds after its last heartbeat when it lapses; else INSTANCE_TTL.",
)
@click.option(
    "--id", "instance_id", metavar="ID", help="The instance's ID; else one for this port here."
)
@click.option(
    "--via-http",
    metavar="URL",
    help="A gateway to register with, as in http://host:8080 or unix:/path; else the registry: "
    "REDIS_URL, else that of the stack.",
)
@options.port_offset
@options.data_dir
@click.option("--token", help="The gateway's admin token; else ADMIN_TOKEN.")
@click.option(
    "--starts-within",
    type=Number(float, 0),
    metavar="SECONDS",
    default=10.0,
    help="Seconds for the port to become free, and for the program to listen.",
)
def register(command: tuple[str, ...], **given: Any) -> int:
    """Run a program, registered for as long as it takes connections.

    SIGTERM and SIGINT drain it first. When no new requests come, the program and everything that it
    has started get the signal. Other signals go to the program at once: it reloads, for example, and
    stays registered. If the registry is away, the program runs on and is registered later.

    The program finds in its environment PORT, the port to listen on, and LOCKGATE_PREFIX, what its
    links must begin with: /api/NAME. A shell can put the port among its arguments: with --port 0,
    `-- sh -c 'exec ./orders --port $PORT'`.
    """
    from gateway.cli.registering import run_as_instance

    return run_as_instance(command, **given)
