#!/bin/sh
# Before a primary stops on purpose: has the sentinels promote its replica, and waits until it follows. Then nothing
# that was written is lost, and nobody waits until the sentinels have noticed.
set -u
. "$(dirname "$0")/ask-sentinels.sh"
export REDISCLI_AUTH="${VALKEY_PASSWORD:-}"

is_primary() {
    [ "$(valkey-cli -p "${PORT:-6379}" role 2>/dev/null | head -n 1)" = master ]
}
is_primary || exit 0
for sentinel in $SENTINELS; do
    [ "$(REDISCLI_AUTH='' timeout 2 valkey-cli -h "${sentinel%:*}" -p "${sentinel#*:}" \
        sentinel failover "$GROUP" 2>/dev/null)" = OK ] && break
done
for _ in 1 2 3 4 5 6 7 8 9 10; do
    is_primary || exit 0
    sleep 1
done
exit 0
