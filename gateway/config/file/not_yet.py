"""Keys of the file that this version does not have."""

#: They are told as such: the nearest key that there is was not meant.
NOT_YET = frozenset(
    [
        "auth",
        "budget",
        "cache",
        "compress",
        "cost",
        "counts",
        "mirror",
        "request",
        "reserve",
        "response",
        "rewrite_location",
        "shadow",
        "split",
        "tls",
        "validate",
        "versions",
    ]
)
