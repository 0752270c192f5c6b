"""`lockgate versions`: shows the versions of services, and who calls which."""

from pathlib import Path

from gateway.cli import options
from gateway.cli.application import command


@command(example="lockgate versions --json")
@options.port_offset
@options.data_dir
@options.url
@options.token
@options.as_json
def versions(
    port_offset: str, data_dir: Path | None, url: str | None, token: str | None, as_json: bool
) -> None:
    """Show the instances of each version, and who still calls which version.

    The calls are those that the workers of the gateway have counted since they began, on routes with `versions`.
    """
    from gateway.cli.api_keys import gateway_with_token
    from gateway.cli.output import print_document
    from gateway.cli.version_tables import print_versions

    gateway = gateway_with_token(port_offset, data_dir, url, token)
    document = gateway.get("/versions")
    if as_json:
        print_document(document)
    else:
        print_versions(document)
