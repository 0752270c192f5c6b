"""`lockgate check-config`: says what is wrong with a configuration file."""

import click

from gateway.cli.application import FAILURE, command


@command(
    example="lockgate check-config lockgate.yaml",
    exit_statuses="Exit statuses: 0 the file can be used, 1 it has mistakes or can't be read.",
)
@click.argument("file", type=click.Path(allow_dash=True))
@click.option("--json", "as_json", is_flag=True, help="The mistakes as JSON, on standard output.")
def check_config(file: str, as_json: bool) -> int:
    """Say what is wrong with a configuration file, each mistake in one line.

    FILE: - is standard input. No registry and no gateway is needed. A warning does not keep the file
    from being used.
    """
    from gateway.cli.configuration_files import as_documents, in_numbers, named
    from gateway.cli.output import print_document, print_lines, print_progress
    from gateway.cli.unreached import with_unreached
    from gateway.config.file.loading import read_file

    read = with_unreached(read_file(file))
    if as_json:
        print_document(as_documents(file, read))
    else:
        for mistake in read.mistakes:
            print_progress(mistake.line(named(file)))
        if read.configuration is not None:
            print_lines(f"{named(file)}: {in_numbers(read.configuration)}")
    return FAILURE if read.configuration is None else 0
