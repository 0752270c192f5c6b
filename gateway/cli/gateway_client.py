"""How commands ask a running gateway: its admin address, and the admin token of `make up`."""

import http.client
import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from gateway.stack.failures import StackError, UsageError
from gateway.stack.plan import GATEWAY, ProcessSpec, gateway_port
from gateway.stack.running.absence import nothing_runs
from gateway.stack.running.addresses import OVER_UNIX, UNIX, admin_url, public_url
from gateway.stack.running.finding import runs
from gateway.stack.running.speaking import pinning, scheme_of
from gateway.stack.state import StackState
from gateway.stack.unix_connection import UnixConnection

ANSWERS_WITHIN_S = 5.0
_IS_IT_ONE = "is that a gateway?"
_WANTS_ONE = "it wants its admin token: give it with --token or ADMIN_TOKEN"
_ADVICE = {
    "unauthorized": "it takes another admin token, name it with --token",
    "forbidden": "it has no admin token, so nobody may change anything: start it with ADMIN_TOKEN",
    "no_view": "it has not heard of its registry yet: is that running?",
    "route_not_found": "where ADMIN_LISTEN is set, --url has to name that address",
}
_ANOTHER_AUTHORITY = (
    "if its certificate is of an authority of your own, name that one's file in SSL_CERT_FILE"
)
_OTHER_CERTIFICATE = (
    "the certificate that it shows is not what its certificate files have now, and no other is trusted "
    "with the admin token; if a file was replaced by one that can't be used, the gateway goes on with the "
    "one before: `lockgate check-config FILE` names the mistake, and `lockgate logs` tells of "
    "config.rejected or tls.rejected. With ACME, SSL_CERT_FILE names an authority that the system lacks"
)
_MISSING = ("service_not_found", "instance_not_found")


class Refused(StackError):
    """The gateway refuses; `problem` has the members of its problem document."""

    def __init__(self, message: str, problem: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.problem = problem

    @property
    def mistakes(self) -> list[str]:
        """The mistakes of a configuration file; raises itself if it is refused for another reason."""
        if "mistakes" not in self.problem:
            raise self
        return list(map(str, self.problem["mistakes"]))


@dataclass(frozen=True, slots=True)
class GatewayClient:
    """Asks one gateway, at a URL or at `unix:/path`; with `token` None, without a token.

    `direct`: ignore http_proxy; `where` says where a gateway is if none answers.
    """

    url: str
    token: str | None
    direct: bool
    where: Callable[[], str] = str
    #: How an https gateway is verified; None: by the system's authorities.
    tls: ssl.SSLContext | None = None

    def get(self, path: str, *, missing: Any = None) -> Any:
        """The JSON document at a path; raises StackError if there is no answer, Refused for a refusal.

        If the gateway knows no such service, `missing` is returned, unless it is None.
        """
        return self._ask("GET", path, missing, ANSWERS_WITHIN_S)

    def change(
        self,
        method: str,
        path: str,
        *,
        within_s: float = ANSWERS_WITHIN_S,
        body: bytes | None = None,
    ) -> Any:
        """Ask for a change; returns the answer's JSON document, None where it has none."""
        return self._ask(method, path, None, within_s, body)

    def _ask(
        self, method: str, path: str, missing: Any, within_s: float, body: bytes | None = None
    ) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if body is not None:
            headers["Content-Type"] = "application/octet-stream"
        base = OVER_UNIX if self.url.startswith(UNIX) else self.url
        request = urllib.request.Request(  # noqa: S310
            base + path, headers=headers, method=method, data=body
        )
        try:
            with self._opener().open(request, timeout=within_s) as response:
                return json.load(response) if response.status != HTTPStatus.NO_CONTENT else None
        except urllib.error.HTTPError as refusal:
            with refusal:
                problem = _problem(refusal)
                if problem.get("reason") in _MISSING and missing is not None:
                    return missing
                answers = f"{self.url}{path} answers {refusal.code}"
                raise Refused(f"{answers}: {self._advice(problem)}", problem) from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, ssl.SSLCertVerificationError):
                advice = _ANOTHER_AUTHORITY if self.tls is None else _OTHER_CERTIFICATE
                raise StackError(f"{self.url}: {reason.verify_message}: {advice}") from None
            raise StackError(
                f"no gateway answers at {self.url}: {reason}; "
                + (self.where() or "is it up? Try `lockgate ps`")
            ) from None

    def _advice(self, problem: Mapping[str, Any]) -> str:
        reason = problem.get("reason")
        if reason == "unauthorized" and not self.token:
            return _WANTS_ONE
        return _ADVICE.get(str(reason)) or str(problem.get("detail") or _IS_IT_ONE)

    def _opener(self) -> urllib.request.OpenerDirector:
        handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
        if self.url.startswith(UNIX):
            handlers.append(_UnixHandler(self.url.removeprefix(UNIX)))
        if self.tls is not None:
            handlers.append(urllib.request.HTTPSHandler(context=self.tls))
        if self.direct or self.url.startswith(UNIX):
            handlers.append(urllib.request.ProxyHandler({}))
        return urllib.request.build_opener(*handlers)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: urllib would send the token to wherever it leads."""

    def redirect_request(self, *_: object) -> None:
        return None


class _UnixHandler(urllib.request.HTTPHandler):
    """Opens every http URL at one Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        def connection(
            host: str, /, *, timeout: float = ANSWERS_WITHIN_S, **_: Any
        ) -> UnixConnection:
            return UnixConnection(self._path, timeout_s=timeout, host=host)

        return self.do_open(connection, req)


def _problem(refusal: urllib.error.HTTPError) -> Mapping[str, Any]:
    """The members of a gateway's problem document (RFC 9457); empty for any other answer."""
    try:
        document = json.load(refusal)
    except (OSError, ValueError, http.client.HTTPException):
        return {}
    return document if isinstance(document, dict) and "reason" in document else {}


def find_gateway(
    state: StackState, offset: int, url: str | None, token: str | None
) -> GatewayClient:
    """The gateway that was named, or the stack's; only the stack's gets the stack's token."""
    token = token or os.environ.get("ADMIN_TOKEN")
    if url is None:
        token = token or _token_of(state)
        url = _url_of(state, offset)
        tls = pinning(_environment_of(state)) if url.startswith("https:") else None
        return GatewayClient(url, token, direct=True, where=partial(_where, state), tls=tls)
    if not url.startswith(("http://", "https://", f"{UNIX}/")):
        raise UsageError(f"--url {url}: must begin with http://, https:// or {UNIX}/")
    return GatewayClient(url.rstrip("/"), token, direct=False)


def _where(state: StackState) -> str:
    """Where the stack's gateway is; empty if the stack that was asked for runs."""
    return "" if runs(state) else nothing_runs(state, Path.cwd(), takes_data_dir=True)


def _url_of(state: StackState, offset: int) -> str:
    process = _gateway_of(state)
    if process is not None:
        return admin_url(process.environment) or public_url(process)
    here = f"{scheme_of(os.environ)}://127.0.0.1:{gateway_port(offset, os.environ)}"
    return admin_url(os.environ) or here


def _environment_of(state: StackState) -> Mapping[str, str]:
    process = _gateway_of(state)
    return os.environ if process is None else process.environment


def _gateway_of(state: StackState) -> ProcessSpec | None:
    record = state.load_record()
    processes = record.processes if record is not None else ()
    return next((one for one in processes if one.service == GATEWAY), None)


def _token_of(state: StackState) -> str | None:
    try:
        return state.token_file.read_text("utf-8").strip() or None
    except OSError:
        return None
