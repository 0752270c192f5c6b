"""Changed signals become notifications: checked in rounds, and sent once by one of the instances."""

import asyncio
from typing import Any

import structlog

from middlewares.failures import DependencyUnavailable
from middlewares.telemetry.correlation_ids import correlation_id_from
from middlewares.telemetry.logs import correlation_id_var
from services.base.client import ServiceClient
from services.base.validation import Answer
from services.signal.rules import Signal
from services.signal.signals import Signals

NOTIFICATION = "notification_service"
KIND = "signal"

#: The first pause after a failed round; each further one is twice as long, up to the most.
RETRY_FIRST_S = 0.5
RETRY_MOST_S = 15.0


class Posted(Answer):
    id: str


class Notified(Answer):
    #: Any JSON: everyone may post notifications of this kind.
    data: dict[str, Any]


class Latest(Answer):
    notifications: list[Notified]


class SignalNotifier:
    """Compares signals with the last notification of each, which all instances can read.

    So a later round makes good any failure: notification_service was away, this service stopped, or
    another instance was quicker. At most one notification is kept for a symbol, signal and candle,
    even if the price wavers around a threshold.
    """

    def __init__(self, signals: Signals, client: ServiceClient, *, every_s: float) -> None:
        self._signals = signals
        self._client = client
        self._every_s = every_s
        #: The last notified signal of each symbol, as far as this instance knows.
        self._said: dict[str, str] = {}
        self._log = structlog.get_logger()

    async def run(self) -> None:
        retry_s = RETRY_FIRST_S
        while True:
            correlation_id_var.set(correlation_id_from(None))
            try:
                await self.look()
                retry_s, pause_s = RETRY_FIRST_S, self._every_s
            except DependencyUnavailable as failure:
                self._log.warning("signals.not_notified", detail=failure.detail, retry_s=retry_s)
                retry_s, pause_s = min(RETRY_MOST_S, retry_s * 2), retry_s
            except Exception:  # noqa: BLE001 - the next round must come after a bad one
                self._log.exception("signals.round_failed")
                pause_s = RETRY_MOST_S
            await asyncio.sleep(pause_s)

    async def look(self) -> None:
        """Send a notification for every changed signal; raises DependencyUnavailable."""
        for signal in await self._signals.all():
            symbol, said = signal["symbol"], signal["signal"]
            if self._said.get(symbol) == said:
                continue
            # Another instance may have been quicker, or this one may have restarted.
            if await self._last_said(symbol) != said:
                await self._post(signal)
            self._said[symbol] = said

    async def _last_said(self, symbol: str) -> Any:
        query = {"kind": KIND, "symbol": symbol, "limit": "1"}
        latest = await self._client.get(NOTIFICATION, "/notifications", Latest, query=query)
        return latest.notifications[0].data.get("signal") if latest.notifications else None

    async def _post(self, signal: Signal) -> None:
        posted = await self._client.post(
            NOTIFICATION,
            "/notifications",
            notification_of(signal),
            Posted,
            idempotency_key=idempotency_key_of(signal),
        )
        self._log.info(
            "signal.notified",
            symbol=signal["symbol"],
            signal=signal["signal"],
            notification=posted.id,
        )


def idempotency_key_of(signal: Signal) -> str:
    return f"{KIND}.{signal['symbol']}.{signal['signal']}.{signal['candle_time']}"


def notification_of(signal: Signal) -> dict[str, object]:
    """The notification; it holds only what its key says, so all instances send the same one."""
    candle = signal["candle_time"]
    return {
        "kind": KIND,
        "symbol": signal["symbol"],
        "message": f"{signal['symbol']}: {signal['signal']}, by candles closed at {candle}",
        "data": {
            "signal": signal["signal"],
            "candle_time": candle,
            "interval": signal["interval"],
            "source": signal["source"],
        },
    }
