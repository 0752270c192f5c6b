"""How commands ask a running gateway: where it listens, and the admin token that `make up` made."""

import http.client
import json
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from gateway.stack.failures import StackError, UsageError
from gateway.stack.plan import GATEWAY, REACHABLE, gateway_port
from gateway.stack.state import StackState

ANSWERS_WITHIN_S = 5.0
_ADVICE = {
    401: "it takes another admin token, name it with --token",
    503: "it has not heard of its registry yet: is that running?",
    404: "where ADMIN_LISTEN is set, --url has to name that address",
}


@dataclass(frozen=True, slots=True)
class GatewayClient:
    """Asks one gateway; `token` None: as the public; `direct`: whatever http_proxy says."""

    url: str
    token: str | None
    direct: bool

    def get(self, path: str, *, missing: Any = None) -> Any:
        """The JSON document at a path. StackError: it does not answer, or refuses.

        `missing` is returned for a 404, where it is not None.
        """
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        request = urllib.request.Request(self.url + path, headers=headers)  # noqa: S310
        try:
            with self._opener().open(request, timeout=ANSWERS_WITHIN_S) as response:
                return json.load(response)
        except urllib.error.HTTPError as refusal:
            with refusal:
                if refusal.code == HTTPStatus.NOT_FOUND and missing is not None:
                    return missing
                advice = _ADVICE.get(refusal.code, "is that a gateway?")
                raise StackError(f"{self.url}{path} answers {refusal.code}: {advice}") from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise StackError(
                f"no gateway answers at {self.url}: {reason}. Is it up? Try `lockgate ps`"
            ) from None

    def _opener(self) -> urllib.request.OpenerDirector:
        proxies = [urllib.request.ProxyHandler({})] if self.direct else []
        return urllib.request.build_opener(_NoRedirect, *proxies)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """urllib would take the token along to wherever it is sent."""

    def redirect_request(self, *_: object) -> None:
        return None


def find_gateway(
    state: StackState, offset: int, url: str | None, token: str | None
) -> GatewayClient:
    """The gateway that was named, or that of the stack, whose token goes to no other."""
    token = token or os.environ.get("ADMIN_TOKEN")
    if url is None:
        return GatewayClient(_url_of(state, offset), token or _token_of(state), direct=True)
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"--url {url}: must begin with http:// or https://")
    return GatewayClient(url.rstrip("/"), token, direct=False)


def _url_of(state: StackState, offset: int) -> str:
    record = state.load_record()
    for process in record.processes if record is not None else ():
        if process.service == GATEWAY:
            host = REACHABLE.get(process.host, process.host)
            return f"http://{f'[{host}]' if ':' in host else host}:{process.port}"
    return f"http://127.0.0.1:{gateway_port(offset, os.environ)}"


def _token_of(state: StackState) -> str | None:
    try:
        return state.token_file.read_text("utf-8").strip() or None
    except OSError:
        return None
