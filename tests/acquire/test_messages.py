from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from limelight.acquire import Acquisition
from limelight.acquire.messages import Messages


def test_what_is_said_again_is_counted_and_comes_last():
    messages = Messages()
    assert not messages and len(messages) == 0 and messages.shown() == ()
    for text in ("one", "two", "one", "three"):
        messages.add(text)
    assert list(messages) == ["two", "one (2 times)", "three"]
    assert messages[0] == "two" and messages[-1] == "three" and messages[1:] == messages.shown()[1:]
    assert messages.said == 4 and messages.dropped == 0


def test_the_newest_are_kept_and_the_others_counted():
    messages = Messages(3)
    messages.add("0")
    for number in range(8):
        messages.add(str(number))
    assert messages.shown() == ("(6 older messages are not kept.)", "5", "6", "7")
    assert messages.said == 9 and messages.dropped == 6
    assert repr(messages) == repr(list(messages))


def test_many_threads_say_something():
    messages = Messages(5)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda k: (messages.add(str(k % 9)), messages.shown()), range(2000)))
    kept = sum(int(t.split("(")[1].split()[0]) if "(" in t else 1 for t in messages.shown()[1:])
    assert messages.said == 2000 == kept + messages.dropped


def test_an_acquisition_that_says_much_keeps_little(demo):
    heard = []
    with Acquisition(core=demo, show_display=False, on_message=heard.append) as acq:
        acq.acquire([{"axes": {"time": 0}}])
        for number in range(1000):
            acq.say(f"message {number // 2}")
    status = acq.status
    assert len(status.messages) == 101 and status.said == 1000 == len(heard)
    assert status.messages[-1] == "message 499 (2 times)" == acq.messages[-1]
    assert "800 older" in status.messages[0]
