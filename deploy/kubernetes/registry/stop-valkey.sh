#!/bin/sh
# Before a primary stops on purpose: has the sentinels promote its replica, and ends when they have. Nobody waits until
# they have noticed, and nothing is lost that was written: until then the primary takes no changes.
set -u
. "$(dirname "$0")/ask-sentinels.sh"
export REDISCLI_AUTH="${VALKEY_PASSWORD:-}"

[ "$(valkey-cli -p "${PORT:-6379}" role 2>/dev/null | head -n 1)" = master ] || exit 0
before=$(primary_by_sentinels) || exit 0
valkey-cli -p "${PORT:-6379}" client pause 10000 write >/dev/null
for sentinel in $SENTINELS; do
    [ "$(REDISCLI_AUTH='' timeout 2 valkey-cli -h "${sentinel%:*}" -p "${sentinel#*:}" \
        sentinel failover "$GROUP" 2>/dev/null)" = OK ] && break
done
# The old primary is told seconds later that it is one no more; it may stop before.
for _ in 1 2 3 4 5 6 7 8 9 10; do
    now=$(primary_by_sentinels) && [ "$now" != "$before" ] && break
    sleep 1
done
exit 0
