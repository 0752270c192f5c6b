# Read by the other scripts.

# Prints the address of a name, and waits until it has one. Sentinels are told addresses alone: one that can't resolve
# the name of a primary that is gone promotes nobody.
address_of() {
    case $1 in
    *:*) found=$1 ;;
    *[!0-9.]*) found='' ;;
    *) found=$1 ;;
    esac
    until [ -n "$found" ] || found=$(getent hosts "$1"); do
        echo "$1 has no address yet" >&2
        sleep 1
    done
    echo "${found%%[[:space:]]*}"
}

# Prints address and port of the primary, as the first sentinel that answers knows it.
primary_by_sentinels() {
    for sentinel in $SENTINELS; do
        answer=$(REDISCLI_AUTH='' timeout 2 valkey-cli -h "${sentinel%:*}" -p "${sentinel#*:}" \
            sentinel get-master-addr-by-name "$GROUP" 2>/dev/null) || continue
        # shellcheck disable=SC2086 # it prints two lines: address and port
        set -- $answer
        if [ $# = 2 ] && [ "$2" -gt 0 ] 2>/dev/null; then
            echo "$1 $2"
            return
        fi
    done
    return 1
}

# Prints a value as the configuration files of Valkey have it.
quoted() {
    printf '"%s"' "$(printf %s "$1" | sed 's/[\\"]/\\&/g')"
}
