"""`lockgate import`: prints a file of ours for another gateway's."""

import click

from gateway.cli.application import FAILURE, command


@command(name="import", example="lockgate import nginx.conf > lockgate.yaml")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option(
    "--from",
    "kind",
    type=click.Choice(["nginx", "compose", "traefik"]),
    help="Which kind of file it is; else its name or what stands in it says so.",
)
def import_(file: str, kind: str | None) -> int:
    """Print a configuration file for what nginx.conf, compose.yaml or traefik.yaml say.

    FILE may be - for standard input. A comment says where each part comes from, and there is one for
    each line that is not understood.
    """
    from gateway.cli.importing.importing import UnknownKind, import_file
    from gateway.cli.importing.model import Unreadable
    from gateway.cli.output import print_lines, print_progress

    try:
        text = import_file(file, kind)  # type: ignore[arg-type]
    except UnknownKind:
        raise click.UsageError(
            "which kind of file is it? Say --from nginx, compose or traefik"
        ) from None
    except Unreadable as error:
        print_progress(str(error))
        return FAILURE
    print_lines(text.removesuffix("\n"))
    return 0
