"""What the registry keeps of certificates can be read again, and what is not valid is left out."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.acme.deciding.renewal import Attempt
from gateway.acme.deciding.state import (
    ACCOUNT,
    ATTEMPT,
    CERTIFICATE,
    PAUSED,
    VERSION,
    Certificate,
    Proof,
    decode_proof,
    decode_state,
    encode_attempt,
    encode_certificate,
    encode_proof,
)

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def test_everything_is_read_again() -> None:
    certificate, attempt = Certificate("chain", "key"), Attempt(2, 17.5, "dns: no address")
    proof = Proof("a.example", "http-01", "t.x")
    fields = {
        VERSION: "v",
        ACCOUNT: "pem",
        PAUSED: "12.5",
        f"{CERTIFICATE}a.example": encode_certificate(certificate),
        f"{ATTEMPT}b.example": encode_attempt(attempt),
        "of a later version": "x",
    }
    state = decode_state(fields, {"t": encode_proof(proof, 20.0)}, now_s=10.0)
    assert (state.version, state.account, state.paused_until_s) == ("v", "pem", 12.5)
    assert state.certificates == {"a.example": certificate}
    assert state.attempts == {"b.example": attempt}
    assert state.proofs == {"t": proof}
    assert state.unread == ()


def test_a_proof_is_over_after_its_time() -> None:
    encoded = encode_proof(Proof("a.example", "http-01", "t.x"), 20.0)
    assert decode_proof(encoded, 19.9) is not None
    assert decode_proof(encoded, 20.0) is None


def test_no_key_is_shown() -> None:
    state = decode_state(
        {ACCOUNT: "SECRET", f"{CERTIFICATE}a": encode_certificate(Certificate("chain", "SECRET"))},
        {},
        0.0,
    )
    assert "SECRET" not in repr(state)


@given(st.text() | ANY_JSON.map(lambda value: __import__("json").dumps(value)))
def test_a_record_that_is_not_valid_is_left_out(value: str) -> None:
    good = encode_certificate(Certificate("chain", "key"))
    fields = {
        f"{CERTIFICATE}a": value,
        f"{ATTEMPT}a": value,
        PAUSED: value,
        f"{CERTIFICATE}good": good,
    }
    state = decode_state(fields, {"t": value}, 0.0)
    assert state.certificates["good"] == Certificate("chain", "key")
    assert all(isinstance(one, str) for one in state.unread)
