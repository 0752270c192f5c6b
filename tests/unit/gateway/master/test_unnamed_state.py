"""The state of a master may have private keys, so it is in no file system."""

import os
import sys

import pytest

from gateway.master.state import MasterState


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no memfd")
def test_it_is_handed_on_in_memory() -> None:
    kept = {"config": {"content": "c2VjcmV0"}}
    descriptor = MasterState(sockets={}, workers=2, gateway="g", kept=kept).to_descriptor()
    assert os.readlink(f"/proc/self/fd/{descriptor}").startswith("/memfd:")
    assert not os.get_inheritable(descriptor)  # workers may be started at this moment
    assert MasterState.of_descriptor(descriptor).kept == kept
