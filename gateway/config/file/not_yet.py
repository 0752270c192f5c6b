"""Keys of the file that this version does not have."""

#: They are told as such: the nearest key that there is was not meant.
NOT_YET = frozenset(
    [
        "mirror",
    ]
)
