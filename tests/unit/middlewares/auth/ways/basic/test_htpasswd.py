"""Which lines of an htpasswd file are read, and how the others are told."""

import pytest

from middlewares.auth.ways.basic.htpasswd import parse_users

BCRYPT = "$2y$05$" + "a" * 53
ARGON2 = "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA"


def test_bcrypt_and_argon2_lines_are_read_with_comments_and_empty_lines_between() -> None:
    text = f"# people\n\nalice:{BCRYPT}\r\n  bob:{ARGON2}  \nzoë:{BCRYPT}"
    users = dict(parse_users(text.encode()))
    assert list(users) == ["alice", "bob", "zoë"]
    assert (users["alice"].kind, users["alice"].text) == ("bcrypt", BCRYPT.encode())
    assert (users["bob"].kind, users["bob"].text) == ("argon2", ARGON2.encode())


@pytest.mark.parametrize("prefix", ["$2a$", "$2b$", "$2y$"])
def test_each_spelling_of_bcrypt_is_read(prefix: str) -> None:
    assert parse_users(f"a:{prefix}{BCRYPT[4:]}".encode())[0][1].kind == "bcrypt"


@pytest.mark.parametrize("kind", ["argon2id", "argon2i", "argon2d"])
def test_each_kind_of_argon2_is_read(kind: str) -> None:
    assert parse_users(f"a:{ARGON2.replace('argon2id', kind)}".encode())[0][1].kind == "argon2"


def test_a_byte_order_mark_is_no_part_of_a_name() -> None:
    assert parse_users(f"\ufeffalice:{BCRYPT}".encode())[0][0] == "alice"


def test_a_name_in_two_spellings_of_the_same_letters_is_one_name() -> None:
    assert parse_users(f"zoe\u0308:{BCRYPT}".encode())[0][0] == "zo\u00eb"


def test_an_empty_file_has_no_users() -> None:
    assert parse_users(b"") == ()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("alice:$apr1$abc$" + "a" * 22, "line 2: MD5 is too weak"),
        ("alice:{SHA}" + "a" * 28, "line 2: SHA-1 is too weak"),
        ("alice:$6$abc$" + "a" * 86, "line 2: SHA-512 crypt is too weak"),
        ("alice:$2x$" + BCRYPT[4:], "line 2: a faulty bcrypt is too weak"),
        ("alice:secret", "line 2: no hash of bcrypt or argon2"),
        ("alice:", "line 2: no hash"),
        ("alice", "line 2: must be NAME:HASH"),
        (f":{BCRYPT}", "line 2: the subject is empty"),
        (f"a\tb:{BCRYPT}", "line 2: the subject is empty, or has characters"),
        (f"{'a' * 257}:{BCRYPT}", "line 2: the subject has more than 256 bytes"),
        (f"alice:{BCRYPT[:-1]}", "line 2: the hash is cut off"),
        (f"alice:{BCRYPT}a", "line 2: the hash is cut off"),
        (f"alice:{BCRYPT.replace('$05$', '$15$')}", "line 2: the cost of bcrypt must be from 4 to"),
        (f"alice:{BCRYPT.replace('$05$', '$03$')}", "line 2: the cost of bcrypt must be from 4 to"),
        (f"alice:{ARGON2.replace('m=65536', 'm=9999999')}", "line 2: m of argon2 must be"),
        (f"alice:{ARGON2.replace('m=65536', 'm=8')}", "line 2: m of argon2 must be"),
        (f"alice:{ARGON2.replace('t=3', 't=99')}", "line 2: t of argon2 must be"),
        (f"alice:{ARGON2.replace('p=4', 'p=0')}", "line 2: p of argon2 must be"),
        (f"first:{BCRYPT}", "line 2: this user has a line already"),
    ],
)
def test_every_other_line_is_a_mistake_that_names_the_line_and_no_hash(
    line: str, told: str
) -> None:
    with pytest.raises(ValueError, match=r"^line 2") as caught:
        parse_users(f"first:{BCRYPT}\n{line}\n".encode())
    assert str(caught.value).startswith(told)
    assert "aaaa" not in str(caught.value)
    assert "c2FsdHNh" not in str(caught.value)


def test_all_mistakes_are_told() -> None:
    with pytest.raises(ValueError, match=r"line 1: .*; line 3: "):
        parse_users(f"a:plain\nb:{BCRYPT}\nc:plain".encode())


def test_a_line_that_is_not_utf_8_is_told_by_its_number() -> None:
    with pytest.raises(ValueError, match="line 2 is not UTF-8"):
        parse_users(f"a:{BCRYPT}\n".encode() + b"\xff:b")


def test_no_hash_is_in_a_representation() -> None:
    assert "aaaa" not in repr(parse_users(f"alice:{BCRYPT}".encode()))
