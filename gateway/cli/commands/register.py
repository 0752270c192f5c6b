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


# What follows the program's name is the program's, with or without `--`.
@command(
    example="lockgate register --name orders --port 9000 --health-path /health -- ./orders -v",
    exit_statuses=EXIT_STATUSES,
    context_settings={"allow_interspersed_args": False},
)
@click.argument(
    "command", nargs=-1, required=True, metavar="-- PROGRAM [ARGS]...", type=click.UNPROCESSED
)
@click.option("--name", metavar="NAME", required=True, help="The service; /api/NAME goes to it.")
@click.option(
    "--port",
    type=Number(int),
    metavar="PORT",
    required=True,
    help="Where the program listens; 0: at a free port, which it finds in $PORT.",
)
@click.option(
    "--host", metavar="HOST", help="What others connect to; else ADVERTISE_HOST, else localhost."
)
@click.option("--health-path", metavar="PATH", help="Healthy is what answers 200 to 299 there.")
@click.option(
    "--health-status", metavar="STATUSES", help="Healthy are these instead, as in 200-299,401."
)
@click.option("--health-body", metavar="TEXT", help="What a healthy answer has to contain.")
@click.option(
    "--health-host", metavar="HOST", help="The Host field of probes, where the program checks it."
)
@click.option(
    "--health-probe",
    metavar="KIND",
    help="http, tcp or heartbeat; else http with --health-path, tcp without.",
)
@click.option("--tcp", is_flag=True, help="Healthy is what takes connections (the default).")
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
    help="When it lapses without heartbeats; else INSTANCE_TTL.",
)
@click.option(
    "--id", "instance_id", metavar="ID", help="The instance's ID; else that of this port here."
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
    help="Time for the port to be free, and to open.",
)
def register(command: tuple[str, ...], **given: Any) -> int:
    """Run a program, registered for as long as it takes connections.

    SIGTERM and SIGINT drain it first: the program and what it has started get the signal when no new
    requests come. Other signals are the program's at once: it reloads, say, and stays registered.
    The registry being away stops nothing; it is registered when the registry is back.

    The program's environment has PORT, where it has to listen, and LOCKGATE_PREFIX, what its links
    have to begin with: /api/NAME. A shell puts the port among its arguments: with --port 0,
    `-- sh -c 'exec ./orders --port $PORT'`.
    """
    from gateway.cli.registering import run_as_instance

    return run_as_instance(command, **given)
