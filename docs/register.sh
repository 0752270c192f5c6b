#!/bin/sh
# Keeps a program that listens at a port registered until Ctrl-C or SIGTERM, with plain curl:
#   ADMIN_TOKEN=… sh register.sh NAME PORT
# GATEWAY is the gateway's URL, HOST the host that it connects to, HEARTBEAT_INTERVAL is in seconds.
set -eu

name=$1 port=$2
me=${GATEWAY:-http://localhost:8080}/services/$name/instances/$name-$port
where="{\"host\": \"${HOST:-localhost}\", \"port\": $port, \"ttl\": 15}"

call() { # METHOD URL [curl's options]: prints the answer's status, 000 if there is none
    method=$1 url=$2
    shift 2
    curl --silent --output /dev/null --write-out '%{http_code}' --max-time 15 \
        --request "$method" --header "Authorization: Bearer $ADMIN_TOKEN" "$@" "$url" || true
}

leave() {
    trap '' INT TERM
    # The answer comes when the last request is over, or after 10 seconds. Stop the service only then.
    echo "drain: $(call POST "$me/drain?wait=10")"
    echo "deregister: $(call DELETE "$me")"
    exit 0
}
trap leave INT TERM

while true; do
    # 404: not registered (any more). Any other status but 204 is tried again.
    if [ "$(call POST "$me/heartbeat")" = 404 ]; then
        echo "register: $(call PUT "$me" --data "$where")"
    fi
    sleep "${HEARTBEAT_INTERVAL:-5}" &
    wait $!
done
