"""How commands ask a running gateway: where it listens, and the admin token that `make up` made."""

import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from gateway.stack.failures import StackError
from gateway.stack.plan import GATEWAY
from gateway.stack.state import StackState

ANSWERS_WITHIN_S = 5.0
DEFAULT_PORT = 8080


@dataclass(frozen=True, slots=True)
class GatewayClient:
    """Asks one gateway; `token` None: as the public."""

    url: str
    token: str | None

    def get(self, path: str) -> Any:
        """The JSON document at a path. StackError: it does not answer, or refuses."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        request = urllib.request.Request(self.url + path, headers=headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=ANSWERS_WITHIN_S) as response:  # noqa: S310
                return json.load(response)
        except urllib.error.HTTPError as refusal:
            with refusal:
                raise StackError(f"{self.url}{path} answers {refusal.code}") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise StackError(
                f"no gateway answers at {self.url}: {reason}. Is it up? Try `lockgate ps`"
            ) from None


def find_gateway(
    state: StackState, offset: int, url: str | None, token: str | None
) -> GatewayClient:
    """The gateway that was named, or that of the stack at this offset; the same for the token."""
    if url is None:
        record = state.load_record()
        processes = record.processes if record is not None else ()
        port = next((p.port for p in processes if p.service == GATEWAY), DEFAULT_PORT + offset)
        url = f"http://127.0.0.1:{port}"
    if token is None:
        token = os.environ.get("ADMIN_TOKEN") or _token_of(state)
    return GatewayClient(url.rstrip("/"), token)


def _token_of(state: StackState) -> str | None:
    try:
        return state.token_file.read_text("utf-8").strip() or None
    except OSError:
        return None
