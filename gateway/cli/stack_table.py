"""What `lockgate up` and `ps` show of the processes of a stack."""

from collections.abc import Sequence
from dataclasses import asdict

from gateway.cli.output import health_cell, print_document, print_rows
from gateway.stack.plan import GATEWAY, REGISTRY, route_of
from gateway.stack.ps import ProcessRow


def print_json(rows: Sequence[ProcessRow]) -> None:
    print_document([asdict(row) for row in rows])


def print_table(rows: Sequence[ProcessRow], *, title: str, registry_about: str) -> None:
    gateway_port = next((row.port for row in rows if row.service == GATEWAY), None)

    def where(row: ProcessRow) -> str:
        if row.service == REGISTRY:
            return registry_about
        if row.service == GATEWAY:
            return f"http://localhost:{row.port}"
        return f"http://localhost:{gateway_port}{route_of(row.service)}/"

    print_rows(
        ("name", "port", "pid", "uptime", "health", "where"),
        [
            (
                row.name,
                _or_dash(row.port),
                _or_dash(row.pid),
                "-" if row.uptime_s is None else _duration(row.uptime_s),
                health_cell(row.health),
                where(row),
            )
            for row in rows
        ],
        title=title,
        to_the_right=("port", "pid"),
    )


def _or_dash(number: int | None) -> str:
    return "-" if number is None else str(number)


def _duration(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"
