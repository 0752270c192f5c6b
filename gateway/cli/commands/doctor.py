"""`lockgate doctor`: checks what the stack needs, and says what to do."""

from pathlib import Path

from gateway.cli import options
from gateway.cli.application import FAILURE, command

_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}


@command(example="lockgate doctor --port-offset 20000")
@options.port_offset
@options.data_dir
@options.as_json
def doctor(port_offset: str, data_dir: Path | None, as_json: bool) -> int:
    """Check what is configured and what runs, and say what to do. Exit status 1: something failed.

    If a stack runs: its processes, registry, instances, and settings that differ from those set here.
    If nothing runs: what `up` and `serve` would need.
    """
    import os
    from dataclasses import asdict

    from gateway.cli.examining.examination import examine
    from gateway.cli.output import print_document, print_rows
    from gateway.cli.tables import Coloured

    offset, state = options.stack_found(port_offset, data_dir, or_to_come=True)
    findings = list(examine(state, offset, os.environ))
    if as_json:
        print_document([asdict(finding) for finding in findings])
    else:
        rows = [
            (Coloured(one.state, _COLOURS[one.state]), one.check, one.detail, one.advice)
            for one in findings
        ]
        headings = ("", "check", "found", "what to do")
        print_rows(headings, rows, title="Lockgate doctor", below="what to do")
    return FAILURE if any(finding.state == "failed" for finding in findings) else 0
