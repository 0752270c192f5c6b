"""Tries a workload before it is measured: who answers wrongly, or from memory, does other work."""

import json
import socket
from http.client import HTTPException, HTTPResponse
from itertools import islice

from bench.answers import body_of
from bench.workloads import Workload, new_run, requests
from middlewares.codings import Decoder

TRIED = 3
PATIENCE_S = 5.0


def wrong_answers(port: int, template: str, workload: Workload, tried: int = TRIED) -> str:
    """What is wrong with the answers to a few requests on one connection; empty if nothing is."""
    ids = set()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as sock:
            for request in islice(requests(template, new_run()), tried):
                sock.sendall(request)
                answer = HTTPResponse(sock, method=workload.method)
                answer.begin()
                body = answer.read()
                if answer.status != workload.status:
                    return f"it answers {answer.status} instead of {workload.status}"
                coding = answer.headers.get("Content-Encoding", "")
                if coding != workload.coding:
                    return f"its coding is {coding or 'none'}"
                if not _is_right(decoded(body, coding), workload):
                    return f"its body of {len(body)} bytes is another one"
                ids.add(answer.headers["X-Request-Id"])
    except (OSError, HTTPException) as error:
        return f"it does not answer: {error!r}"
    if not workload.is_remembered and (len(ids) < tried or None in ids):
        return "it does not pass on the instance's X-Request-Id, which is new in each answer"
    return ""


def decoded(body: bytes, coding: str) -> bytes:
    if not coding:
        return body
    decoder = Decoder(coding.encode())
    return b"".join(decoder.slices(body))


def _is_right(body: bytes, workload: Workload) -> bool:
    """Whether it is the expected body; a document that was changed on the way may be written otherwise."""
    if not workload.answer:
        return body == body_of(workload.target.partition("?")[0])
    try:
        return bool(json.loads(body) == json.loads(workload.answer))
    except ValueError:
        return False
