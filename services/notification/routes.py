"""The resources of notification_service: /notifications and each of them."""

from collections.abc import Iterable

from aiohttp import web

from services.base.answers import json_response
from services.base.failures import IdempotencyKeyReused, NotificationNotFound
from services.base.inputs import body_of, query_of
from services.base.validation import NoParameters
from services.notification.notes import LARGEST_BODY, Filter, Kept, Note
from services.notification.queries import ListQuery, idempotency_key_of, is_id
from services.notification.store import NotificationStore


def notification_routes(store: NotificationStore) -> Iterable[web.RouteDef]:
    async def post(request: web.Request) -> web.Response:
        key = idempotency_key_of(request)
        note = await body_of(request, Note, at_most=LARGEST_BODY)
        addition = await store.add(note, key)
        if addition.outcome == "reused":
            raise IdempotencyKeyReused(
                f"this Idempotency-Key came with another body, which is {addition.id}"
            )
        kept = Kept(addition.id, note.kind, note.symbol, note.text())
        status = 201 if addition.outcome == "kept" else 200
        response = json_response(kept.document, status=status)
        # Relative, so that it works behind a gateway's prefix too.
        response.headers["Location"] = f"notifications/{kept.id}"
        return response

    async def page(request: web.Request) -> web.Response:
        query = query_of(request, ListQuery)
        found = await store.newest_first(
            Filter(kind=query.kind, symbol=query.symbol),
            # One more shows whether there is a next page.
            limit=query.limit + 1,
            before=query.before,
            since_ms=query.since_ms,
        )
        shown = found[: query.limit]
        return json_response(
            {
                "count": len(shown),
                "notifications": [kept.document for kept in shown],
                "next_before": shown[-1].id if len(found) > len(shown) else None,
            }
        )

    async def one(request: web.Request) -> web.Response:
        query_of(request, NoParameters)
        entry_id = request.match_info["id"]
        kept = await store.get(entry_id) if is_id(entry_id) else None
        if kept is None:
            raise NotificationNotFound(f"there is no notification {entry_id!r}")
        return json_response(kept.document)

    return [
        web.post("/notifications", post),
        web.get("/notifications", page),
        web.get("/notifications/{id}", one),
    ]
