#!/bin/sh
# Starts a Valkey that follows whom the sentinels call the primary. Used by compose.yaml too.
# Environment: NAME and PORT, by which all others reach this server, at an address that stays; FIRST and FIRST_PORT, the primary before there are
# sentinels; SENTINELS, host:port with spaces between; GROUP, what the sentinels call it; VALKEY_PASSWORD, or empty;
# ACL_FILE, or empty; DATA, the folder of its data.
set -eu
. "$(dirname "$0")/ask-sentinels.sh"
PORT=${PORT:-6379}

own=$(address_of "$NAME")
primary=$(primary_by_sentinels) || primary=''
# Who comes back must not be a second primary, only because no sentinel answers at this moment.
tries=10
while [ -z "$primary" ] && [ -e "${DATA:-/data}/appendonlydir" ] && [ "$tries" -gt 0 ]; do
    sleep 1
    tries=$((tries - 1))
    primary=$(primary_by_sentinels) || primary=''
done
[ -n "$primary" ] || primary="$(address_of "$FIRST") ${FIRST_PORT:-6379}"
set -- --port "$PORT" --dir "${DATA:-/data}" \
    --appendonly yes --appendfsync everysec --save "" \
    --maxmemory-policy noeviction \
    --replica-announce-ip "$own" --replica-announce-port "$PORT" \
    --repl-diskless-sync-delay 0
# A file, since everybody in the container can read a command line.
file=${DATA:-/data}/valkey.conf
rm -f "$file"
(
    umask 077
    if [ -z "${VALKEY_PASSWORD:-}" ]; then
        echo "protected-mode no"
    else
        echo "masterauth $(quoted "$VALKEY_PASSWORD")"
        if [ -n "${ACL_FILE:-}" ]; then
            echo "aclfile $(quoted "$ACL_FILE")"
        else
            echo "requirepass $(quoted "$VALKEY_PASSWORD")"
        fi
    fi >"$file"
)
if [ "$primary" != "$own $PORT" ]; then
    # shellcheck disable=SC2086 # address and port are two words
    set -- "$@" --replicaof "${primary% *}" "${primary#* }"
fi
echo "start-valkey: $own $PORT, the primary is $primary"
exec valkey-server "$file" "$@"
