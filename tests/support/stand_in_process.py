"""A stand-in process for the gateway or a service: `stand_in_process.py serves|dies|sleeps`."""

import http.server
import json
import os
import signal
import sys
import time


class Handler(http.server.BaseHTTPRequestHandler):
    """Is healthy and has a route for everything; /environ shows the environment."""

    def do_GET(self) -> None:
        known = self.path in {"/health", "/environ"} or self.path.startswith("/api/")
        self.send_response(200 if known else 404)
        self.end_headers()
        if self.path == "/environ":
            self.wfile.write(json.dumps(dict(os.environ)).encode())

    def log_message(self, *_: object) -> None:
        return


def main() -> None:
    behaviour = sys.argv[1]
    if behaviour == "dies" or os.environ.get("MARKET_DATA_FILE") == "missing":
        print("LOG_LEVEL=loud: allowed are debug, info, warning, error")
        sys.exit(2)
    if behaviour == "sleeps":
        time.sleep(600)
    port = int(os.environ.get("SERVICE_PORT") or os.environ["GATEWAY_PORT"])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print("serving", flush=True)
    http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main()
