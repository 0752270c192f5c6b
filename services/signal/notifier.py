"""Changed signals become notifications: looked at in rounds, said once, whoever looks."""

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

#: The first pause after a round that failed; each further one is twice as long, up to the most.
RETRY_FIRST_S = 0.5
RETRY_MOST_S = 15.0


class Posted(Answer):
    id: str


class Notified(Answer):
    #: Anything: whoever likes may post notifications of this kind.
    data: dict[str, Any]


class Latest(Answer):
    notifications: list[Notified]


class SignalNotifier:
    """Compares signals with what was notified last, which is kept where all instances see it.

    So whatever fails is made good by a later round: notification_service away, this service
    stopped, another instance quicker. At most one notification is stored for a symbol, signal and
    candle: a price that wavers around a threshold is not worth more.
    """

    def __init__(self, signals: Signals, client: ServiceClient, *, every_s: float) -> None:
        self._signals = signals
        self._client = client
        self._every_s = every_s
        #: By symbol, the signal that was notified last as far as this instance knows.
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
            except Exception:  # noqa: BLE001 - one bad round must not be the last
                self._log.exception("signals.round_failed")
                pause_s = RETRY_MOST_S
            await asyncio.sleep(pause_s)

    async def look(self) -> None:
        """Notify of every signal that is another than before; DependencyUnavailable."""
        for signal in await self._signals.all():
            symbol, said = signal["symbol"], signal["signal"]
            if self._said.get(symbol) == said:
                continue
            # Another instance may have been quicker, or this one have started anew.
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
    """Nothing in it but what its key stands for: instances that see one change say one thing."""
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
