"""`lockgate mirror`: how the answers of mirrors differ from those that clients got."""

from pathlib import Path

import click

from gateway.cli import options
from gateway.cli.application import command

_REPORT = "lockgate mirror report"


@command(example=_REPORT)
@options.port_offset
@options.data_dir
@options.url
@options.token
@options.as_json
def report(
    port_offset: str, data_dir: Path | None, url: str | None, token: str | None, as_json: bool
) -> None:
    """Show for each mirror what became of its copies, and where the answers differ."""
    from gateway.cli import mirror_reports
    from gateway.cli.api_keys import gateway_with_token
    from gateway.cli.output import print_document

    gateway = gateway_with_token(port_offset, data_dir, url, token)
    document = gateway.get("/mirrors")
    if as_json:
        print_document(document)
    else:
        mirror_reports.print_reports(document)


@command(example="lockgate mirror reset")
@options.port_offset
@options.data_dir
@options.url
@options.token
def reset(port_offset: str, data_dir: Path | None, url: str | None, token: str | None) -> None:
    """Begin the reports anew, after a difference was mended."""
    from gateway.cli.api_keys import gateway_with_token
    from gateway.cli.output import print_lines

    gateway_with_token(port_offset, data_dir, url, token).change("DELETE", "/mirrors")
    print_lines("the reports begin anew")


@command(example=_REPORT, cls=click.Group, commands=[report, reset])
def mirror() -> None:
    """Show how the answers of mirrors differ."""
