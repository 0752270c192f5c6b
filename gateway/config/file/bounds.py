"""How large a file may be, so that none takes for ever or all memory."""

MAX_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 32
#: Keys and values, with what aliases repeat; 5,000 routes with every key have half of it.
MAX_NODES = 1_000_000
