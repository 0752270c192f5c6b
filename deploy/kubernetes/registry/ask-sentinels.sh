# Read by the other scripts. Prints host and port of the primary, as the first sentinel that answers knows it.
primary_by_sentinels() {
    for sentinel in $SENTINELS; do
        answer=$(REDISCLI_AUTH='' timeout 2 valkey-cli -h "${sentinel%:*}" -p "${sentinel#*:}" \
            sentinel get-master-addr-by-name "$GROUP" 2>/dev/null) || continue
        # shellcheck disable=SC2086 # it prints two lines: host and port
        set -- $answer
        if [ $# = 2 ] && [ "$2" -gt 0 ] 2>/dev/null; then
            echo "$1 $2"
            return
        fi
    done
    return 1
}
