"""`lockgate doctor`: looks at what the stack needs, and says what to do."""

import os
from dataclasses import asdict

import typer
from rich.markup import escape

from gateway.cli.application import EXIT_STATUSES
from gateway.cli.checks import examine
from gateway.cli.options import AsJson, PortOffset, stack_at
from gateway.cli.output import FAILURE, print_document, print_rows

_STYLES = {"ok": "green", "warning": "yellow", "failed": "red"}


def add_to(app: typer.Typer) -> None:
    app.command(epilog=EXIT_STATUSES)(doctor)


def doctor(port_offset: PortOffset = "0", as_json: AsJson = False) -> None:
    """Check ports, registry, clocks, file limits and settings. Exit status 1: something failed."""
    offset, state = stack_at(port_offset)
    findings = examine(state, offset, os.environ)
    if as_json:
        print_document([asdict(finding) for finding in findings])
    else:
        rows = [
            (
                f"[{_STYLES[one.state]}]{one.state}[/]",
                *map(escape, (one.check, one.detail, one.advice)),
            )
            for one in findings
        ]
        print_rows(("", "check", "found", "what to do"), rows, title="Lockgate doctor")
    if any(finding.state == "failed" for finding in findings):
        raise typer.Exit(FAILURE)
