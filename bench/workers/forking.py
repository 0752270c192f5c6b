"""A gateway whose workers are forked, for comparison: `python -m bench.workers.forking WORKERS`.

One process imports everything and binds; its children serve. The collector is frozen before, so that it
touches none of the pages that could be shared.
"""

import asyncio
import gc
import os
import signal
import sys

from discovery.model.errors import SettingsError
from gateway.config.settings import load_settings
from gateway.process.serve import serve
from gateway.process.sockets import bind
from gateway.process.start import new_event_loop
from middlewares.telemetry.logs import configure_logging


def main() -> None:
    settings = load_settings()
    sockets = bind(settings)
    gc.collect()
    gc.freeze()
    children = []
    for _ in range(int(sys.argv[1])):
        child = os.fork()
        if not child:
            try:
                logs = configure_logging(
                    service="api_gateway", level=settings.log_level, style=settings.log_format
                )
                with asyncio.Runner(loop_factory=new_event_loop) as runner:
                    runner.run(serve(settings, sockets))
                logs.close()
            except SettingsError as error:
                sys.exit(str(error))
            os._exit(0)
        children.append(child)

    def stop(*_: object) -> None:
        for child in children:
            os.kill(child, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    for child in children:
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
