#!/bin/sh
# Starts a sentinel. Used by compose.yaml too.
# Environment: NAME, which no other sentinel has, and PORT; FIRST, FIRST_PORT, SENTINELS, GROUP and
# VALKEY_PASSWORD as in start-valkey.sh; QUORUM; DOWN_AFTER_MS, after which a primary that does not answer is down;
# DATA, a folder that may be empty.
set -eu
. "$(dirname "$0")/ask-sentinels.sh"

primary=$(primary_by_sentinels) || primary="$(address_of "$FIRST") ${FIRST_PORT:-6379}"
# A sentinel that has lost its data comes back with the same id: others would count the old one too, and no majority
# could be had some day.
id=$(printf %s "$GROUP/$NAME" | sha1sum | cut -c 1-40)
file=${DATA:-/data}/sentinel.conf
{
    echo "port ${PORT:-26379}"
    echo "dir ${DATA:-/data}"
    echo "protected-mode no"
    echo "sentinel myid $id"
    echo "sentinel monitor $GROUP $primary ${QUORUM:-2}"
    echo "sentinel down-after-milliseconds $GROUP ${DOWN_AFTER_MS:-2000}"
    echo "sentinel failover-timeout $GROUP 10000"
    echo "sentinel parallel-syncs $GROUP 1"
    [ -z "${VALKEY_PASSWORD:-}" ] || echo "sentinel auth-pass $GROUP $(quoted "$VALKEY_PASSWORD")"
} >"$file"
chmod 600 "$file"
echo "start-sentinel: $NAME, the primary is $primary"
exec valkey-server "$file" --sentinel
