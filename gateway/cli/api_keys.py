"""What the commands of `lockgate keys` share: they ask a gateway, and show keys."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gateway.cli import options
from gateway.cli.gateway_client import GatewayClient, find_gateway
from gateway.cli.output import print_document, print_lines, print_progress, print_rows
from gateway.cli.tables import Coloured
from gateway.stack.failures import StackError, UsageError

#: A list of many keys takes longer than other answers.
LIST_WITHIN_S = 30.0
_HEADINGS = ("id", "name", "scopes", "limit", "expires", "last used")
_LEFT_OUT = ("last used", "limit")


def gateway_with_token(
    port_offset: str, data_dir: Path | None, url: str | None, token: str | None
) -> GatewayClient:
    """The gateway that is meant; UsageError if there is no token for it."""
    offset, state = options.stack_found(port_offset, data_dir)
    gateway = find_gateway(state, offset, url, token)
    if gateway.token is None:
        at_home = f", and {state.token_file} has none" if url is None else ""
        raise UsageError(
            f"{gateway.url} wants its admin token: give it with --token or ADMIN_TOKEN{at_home}"
        )
    return gateway


def create(gateway: GatewayClient, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """Make a key, and return the answer, which has it."""
    answer: Mapping[str, Any] = gateway.change("POST", "/keys", body=_json(asked))
    return answer


def rotate(gateway: GatewayClient, id_: str, overlap: str) -> Mapping[str, Any]:
    body = _json({"overlap": overlap_of(overlap)})
    answer: Mapping[str, Any] = gateway.change("POST", f"/keys/{id_}/rotate", body=body)
    return answer


def overlap_of(text: str) -> str | int:
    """A bare number is one of seconds, such as 0."""
    return int(text) if text.isascii() and text.isdigit() else text


def all_keys(gateway: GatewayClient) -> list[Mapping[str, Any]]:
    keys: list[Mapping[str, Any]] = gateway.change("GET", "/keys", within_s=LIST_WITHIN_S)["keys"]
    return keys


def meant(gateway: GatewayClient, word: str) -> str:
    """The id of the key that `word` means: its id, or its name where no other key has it."""
    keys = all_keys(gateway)
    if any(one["id"] == word for one in keys):
        return word
    named = [str(one["id"]) for one in keys if one["name"] == word]
    if len(named) > 1:
        raise UsageError(f"{word} is the name of {len(named)} keys; say which: {', '.join(named)}")
    if not named:
        raise StackError(
            f"{gateway.url} has no key {word}; `lockgate keys list` shows all that are not revoked"
        )
    return named[0]


def print_made(document: Mapping[str, Any], *, as_json: bool) -> None:
    """Print a new key: it alone goes to standard output, for scripts."""
    if as_json:
        print_document(document)
        return
    print_lines(document["key"])
    until = f", valid until {document['expires_at']}" if document["expires_at"] else ""
    print_progress(
        f"lockgate: this is the key {document['id']} of {document['name']}{until}, shown this once; "
        "only its SHA-256 is kept"
    )
    if document["old_key_ends_at"]:
        print_progress(f"lockgate: the key before it is valid until {document['old_key_ends_at']}")


def print_keys(keys: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        (
            one["id"],
            one["name"],
            " ".join(one["scopes"]) or "-",
            _limit(one["limit"]),
            _expiry(one),
            one["last_used_at"] or "never",
        )
        for one in keys
    ]
    title = f"{len(keys)} {'key' if len(keys) == 1 else 'keys'}"
    print_rows(_HEADINGS, rows, title=title, below="scopes", left_out=_LEFT_OUT)


def _limit(limit: Mapping[str, Any] | None) -> str:
    return "-" if limit is None else f"{limit['requests']}/{limit['window']}"


def _expiry(key: Mapping[str, Any]) -> str | Coloured:
    if key["expired"]:
        return Coloured(f"expired {key['expires_at']}", "red")
    return key["expires_at"] or "never"


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document).encode()
