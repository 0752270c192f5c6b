"""The proxy of a tutorial: FastAPI in front of httpx, run by uvicorn.

`ORIGIN=http://127.0.0.1:PORT uvicorn textbook_fastapi:app`
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx  # type: ignore[import-not-found]  # it is in .venv-bench
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from starlette.background import BackgroundTask

HOP_BY_HOP = {"connection", "keep-alive", "te", "transfer-encoding", "upgrade", "host"}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with httpx.AsyncClient(base_url=os.environ["ORIGIN"]) as app.state.client:
        yield


app = FastAPI(lifespan=lifespan)


@app.api_route("/{path:path}", methods=METHODS)
async def proxy(request: Request, path: str) -> StreamingResponse:
    """Pass everything on."""
    client: httpx.AsyncClient = request.app.state.client
    outgoing = client.build_request(
        request.method,
        "/" + path,
        params=request.query_params,
        headers=[(k, v) for k, v in request.headers.items() if k not in HOP_BY_HOP],
        content=None if request.method in ("GET", "HEAD") else request.stream(),
    )
    upstream = await client.send(outgoing, stream=True)
    return StreamingResponse(
        upstream.aiter_raw(),
        status_code=upstream.status_code,
        headers={k: v for k, v in upstream.headers.items() if k not in HOP_BY_HOP},
        background=BackgroundTask(upstream.aclose),
    )
