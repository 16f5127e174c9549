from __future__ import annotations

import threading
import warnings

import pytest

from limelight.core.remarks import collected, remark


def test_a_remark_is_a_warning_that_names_the_line_of_the_caller():
    def read():
        remark("the end is missing", stacklevel=2)

    with pytest.warns(UserWarning, match="the end is missing") as said:
        read()
    assert said[0].filename == __file__


def test_the_innermost_listener_hears_it_and_nobody_else():
    with collected() as outer:
        remark("a")
        with collected() as inner:
            remark("b")
        remark("c")
    assert outer == ["a", "c"] and inner == ["b"]
    with pytest.warns(UserWarning, match="d"):
        remark("d")


def test_a_listener_that_fails_hears_no_more():
    with pytest.raises(KeyError), collected():
        raise KeyError
    with pytest.warns(UserWarning, match="e"):
        remark("e")


def test_other_threads_change_nothing():
    """A thread that sets Python's own filters, as a compiler does, neither hears nor hides."""
    inside, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def compiler():
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            inside.set()
            go_on.wait(60)
        done.set()

    thread = threading.Thread(target=compiler)
    with collected() as said:
        thread.start()
        assert inside.wait(60)
        remark("one")
        go_on.set()
        assert done.wait(60)
        remark("two")
    thread.join()
    assert said == ["one", "two"]
