"""`lockgate config`: what a configuration file may say."""

import click

from gateway.cli.application import command


@command(example="lockgate config schema > lockgate.schema.json")
def schema() -> None:
    """Print its JSON Schema, which lets editors complete keys."""
    from gateway.cli.output import print_document
    from gateway.config.file.schema import json_schema

    print_document(json_schema())


@command(
    example="lockgate config schema > lockgate.schema.json", cls=click.Group, commands=[schema]
)
def config() -> None:
    """Show what a configuration file may say."""
