from __future__ import annotations

import sys
import threading

import pytest

from limelight.acquire.turns import short_turns


def test_turns_are_short_as_long_as_anybody_wants_them():
    before = sys.getswitchinterval()
    inside, leave = threading.Event(), threading.Event()

    def other():
        with short_turns():
            inside.set()
            leave.wait(60)

    thread = threading.Thread(target=other)
    with short_turns():
        short = sys.getswitchinterval()
        assert short < before
        thread.start()
        assert inside.wait(60)
    assert sys.getswitchinterval() == short
    leave.set()
    thread.join()
    assert sys.getswitchinterval() == before


def test_an_error_inside_ends_them():
    before = sys.getswitchinterval()
    with pytest.raises(KeyError), short_turns():
        raise KeyError
    assert sys.getswitchinterval() == before
