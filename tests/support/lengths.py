"""Spellings of Content-Length that readers are known to read differently."""

LONGEST = 2**63 - 1

#: Spellings with their number.
NUMBERS = {
    b"%d" % number: number
    for number in (0, 1, 5, 2**31 - 1, 2**31, 2**32, 2**32 + 5, 2**53, LONGEST)
} | {b"00": 0, b"005": 5, b"0" * 19 + b"5": 5, b" 5": 5, b"5 ": 5, b"\t5\t": 5, b"010": 10}

NO_NUMBERS = [
    *(b"%d" % (2**bits + more) for bits in (63, 64) for more in (0, 1, 5)),
    *(b"%d" % (2**64 - 1), b"%d" % (2**64 - 2), b"%d" % (2**128 + 5)),
    *(b"9" * 20, b"9" * 21, b"0" * 20 + b"5", b"0" * 5000 + b"5", b"1" + b"0" * 20),
    *(b"", b" ", b"+5", b"-5", b"-0", b"+0", b"5 5", b"5\t5", b"5, 5", b"5,5", b"5, 6", b"5,"),
    *(
        b",5",
        b"5;",
        b"0x5",
        b"0X5",
        b"5h",
        b"a",
        b"5_0",
        b"_5",
        b"5_",
        b"1e1",
        b"5.0",
        b"5.",
        b"'5'",
    ),
    *(b'"5"', b"5\x0b", b"\x0c5", b"5\x00", b"\x005", b"5\x85", b"\xa05", b"5\xa0"),
    # Digits of other scripts: Arabic, full width, superscript, Thai.
    *(digit.encode() for digit in ("\u0665", "\uff15", "\u00b2", "\u0e55")),
    b"\xb2",
]
