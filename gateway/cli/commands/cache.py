"""`lockgate cache`: purges what is kept, says what would be served, and counts."""

from pathlib import Path

import click

from gateway.cli import options
from gateway.cli.application import FAILURE, command

_PURGE = "lockgate cache purge --tag product-7"


@command(example=_PURGE)
@click.argument("target", metavar="[URL]", required=False)
@click.option("--prefix", metavar="URL", help="All URLs that begin so; /items/ is of every host.")
@click.option("--tag", metavar="TAG", help="All answers with this Cache-Tag or Surrogate-Key.")
@click.option("--soft", is_flag=True, help="Let them be stale from now on, instead of gone.")
@options.port_offset
@options.data_dir
@options.url
@options.token
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a sentence.")
def purge(
    target: str | None,
    prefix: str | None,
    tag: str | None,
    soft: bool,
    port_offset: str,
    data_dir: Path | None,
    url: str | None,
    token: str | None,
    as_json: bool,
) -> int:
    """Purge a URL, all URLs with a prefix, or all answers with a tag, in every gateway.

    A URL that begins with / is one of every host. Exit status 1: it does not hold everywhere yet.
    """
    from gateway.cli import kept_answers
    from gateway.cli.output import print_document

    asked = kept_answers.purge_asked(target, prefix, tag, soft=soft)
    gateway = kept_answers.gateway_with_token(port_offset, data_dir, url, token)
    document = kept_answers.purge(gateway, asked)
    if as_json:
        print_document(document)
    else:
        kept_answers.print_purged(document, soft=soft)
    return FAILURE if "detail" in document else 0


@command(
    example='lockgate cache show https://shop.example.com/items --header "Accept-Language: de"'
)
@click.argument("target", metavar="URL")
@click.option("--method", default="GET", metavar="METHOD", help="The request's method.")
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="NAME: VALUE",
    help="A field that the request has; may be repeated.",
)
@options.port_offset
@options.data_dir
@options.url
@options.token
@options.as_json
def show(
    target: str,
    method: str,
    headers: tuple[str, ...],
    port_offset: str,
    data_dir: Path | None,
    url: str | None,
    token: str | None,
    as_json: bool,
) -> int:
    """Say whether URL would be answered from the cache now, and why or why not. Nothing is sent.

    Exit status 1: it would not.
    """
    from gateway.cli import kept_answers
    from gateway.cli.output import print_document

    gateway = kept_answers.gateway_with_token(port_offset, data_dir, url, token)
    document = kept_answers.show(gateway, target, method, headers)
    if as_json:
        print_document(document)
    else:
        kept_answers.print_shown(document)
    return 0 if document["served"] else FAILURE


@command(example="lockgate cache stats")
@options.port_offset
@options.data_dir
@options.url
@options.token
@options.as_json
def stats(
    port_offset: str, data_dir: Path | None, url: str | None, token: str | None, as_json: bool
) -> None:
    """Show hits and misses since the workers of the gateway began, and what is kept."""
    from gateway.cli import kept_answers
    from gateway.cli.output import print_document

    gateway = kept_answers.gateway_with_token(port_offset, data_dir, url, token)
    document = gateway.get("/cache")
    if as_json:
        print_document(document)
    else:
        kept_answers.print_stats(document)


@command(example=_PURGE, cls=click.Group, commands=[purge, show, stats])
def cache() -> None:
    """Purge what the cache keeps, and show it."""
