"""Log records of what does not fit its document, bounded in number, without a value of a message."""

from collections.abc import Sequence

from middlewares.telemetry.seldom import Seldom
from middlewares.validate.deciding.documents import Document
from middlewares.validate.deciding.operations import Operation
from middlewares.validate.deciding.unfit import Unfit

#: How many services have records of their own.
MOST_SERVICES = 200
_SHOWN = 3


class Reports:
    """Writes one record in ten seconds for each service and direction, with the number of those left out."""

    def __init__(self) -> None:
        self._seldom: dict[tuple[str, str], Seldom] = {}
        self._failed = Seldom("validation.failed")

    def failed(self, service: str, operation: Operation) -> None:
        """Tell of a mistake in the gateway's own look at a request; called where it is handled."""
        self._failed.warn(service=service, operation=operation.id, exc_info=True)

    def request(
        self,
        route: str,
        service: str,
        operation: Operation | None,
        document: Document | None,
        unfit: Sequence[Unfit],
    ) -> None:
        """Tell of a request."""
        self._warn("validation.request", route, service, operation, document, unfit)

    def answer(
        self,
        route: str,
        service: str,
        operation: Operation | None,
        document: Document | None,
        unfit: Sequence[Unfit],
    ) -> None:
        """Tell of an answer."""
        self._warn("validation.answer", route, service, operation, document, unfit)

    def _warn(
        self,
        event: str,
        route: str,
        service: str,
        operation: Operation | None,
        document: Document | None,
        unfit: Sequence[Unfit],
    ) -> None:
        seldom = self._seldom.get((event, service))
        if seldom is None:
            if len(self._seldom) >= MOST_SERVICES:
                self._seldom.clear()
            seldom = self._seldom[event, service] = Seldom(event)
        names = frozenset[str]() if document is None else document.names
        seldom.warn(
            route=route,
            service=service,
            operation=None if operation is None else operation.id,
            errors=[one.for_the_log(names) for one in unfit[:_SHOWN]],
        )
