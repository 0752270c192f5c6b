"""`lockgate keys`: makes, shows, replaces and ends API keys."""

from pathlib import Path
from typing import Any

import click

from gateway.cli import options
from gateway.cli.application import command

_KEY = click.argument("key", metavar="ID")
_CREATE = "lockgate keys create orders-batch --scope orders:read --expires 90d --limit 100/60s"


@command(example=_CREATE)
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    metavar="SCOPE",
    help="What the key may do, as in orders:read; may be repeated.",
)
@click.option(
    "--expires",
    metavar="WHEN",
    help="A duration, as in 90d or 12h, or a time, as in 2027-01-01T00:00:00Z; else never.",
)
@click.option(
    "--limit", metavar="N/WINDOW", help="The most requests in a window, as in 100/60s; else none."
)
@options.port_offset
@options.data_dir
@options.url
@options.token
@click.option("--json", "as_json", is_flag=True, help="JSON instead of the key alone.")
def create(
    name: str,
    scopes: tuple[str, ...],
    expires: str | None,
    limit: str | None,
    port_offset: str,
    data_dir: Path | None,
    url: str | None,
    token: str | None,
    as_json: bool,
) -> None:
    """Make a key for NAME, and print it, this once.

    NAME is who will use it: instances get it as X-Auth-Subject. Only the key goes to standard output.
    """
    from gateway.cli import api_keys

    asked: dict[str, Any] = {"name": name, "scopes": list(scopes)}
    asked |= {"expires": expires} if expires is not None else {}
    asked |= {"limit": limit} if limit is not None else {}
    gateway = api_keys.gateway_with_token(port_offset, data_dir, url, token)
    api_keys.print_made(api_keys.create(gateway, asked), as_json=as_json)


@command(example="lockgate keys list", name="list")
@options.port_offset
@options.data_dir
@options.url
@options.token
@options.as_json
def list_(
    port_offset: str, data_dir: Path | None, url: str | None, token: str | None, as_json: bool
) -> None:
    """Show all keys that are not revoked, without secrets."""
    from gateway.cli import api_keys
    from gateway.cli.output import print_document

    gateway = api_keys.gateway_with_token(port_offset, data_dir, url, token)
    keys = api_keys.all_keys(gateway)
    if as_json:
        print_document({"count": len(keys), "keys": keys})
    else:
        api_keys.print_keys(keys)


@command(example="lockgate keys rotate k5f0c2d9a81b7e364 --overlap 24h")
@_KEY
@click.option(
    "--overlap",
    default="24h",
    metavar="DURATION",
    help="How long the key before it stays valid too; 0: it ends at once.",
)
@options.port_offset
@options.data_dir
@options.url
@options.token
@click.option("--json", "as_json", is_flag=True, help="JSON instead of the key alone.")
def rotate(
    key: str,
    overlap: str,
    port_offset: str,
    data_dir: Path | None,
    url: str | None,
    token: str | None,
    as_json: bool,
) -> None:
    """Replace a key by a new one, and print that, this once.

    The ID stays the same. A name is enough where one key alone has it; `lockgate keys list` shows IDs and names.
    """
    from gateway.cli import api_keys

    gateway = api_keys.gateway_with_token(port_offset, data_dir, url, token)
    made = api_keys.rotate(gateway, api_keys.meant(gateway, key), overlap)
    api_keys.print_made(made, as_json=as_json)


@command(example="lockgate keys revoke k5f0c2d9a81b7e364")
@_KEY
@options.port_offset
@options.data_dir
@options.url
@options.token
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a sentence.")
def revoke(
    key: str,
    port_offset: str,
    data_dir: Path | None,
    url: str | None,
    token: str | None,
    as_json: bool,
) -> None:
    """End every key of an ID: within a second no gateway admits it.

    A name is enough where one key alone has it.
    """
    from gateway.cli import api_keys
    from gateway.cli.output import print_document, print_lines

    gateway = api_keys.gateway_with_token(port_offset, data_dir, url, token)
    id_ = api_keys.meant(gateway, key)
    gateway.change("DELETE", f"/keys/{id_}")
    if as_json:
        print_document({"id": id_, "revoked": True})
    else:
        print_lines(f"revoked: {id_}")


@command(example=_CREATE, cls=click.Group, commands=[create, list_, rotate, revoke])
def keys() -> None:
    """Make, show, replace and end API keys."""
