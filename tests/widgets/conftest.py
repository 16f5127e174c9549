from __future__ import annotations

import sys
import threading
import time
from contextlib import suppress

import pytest
from napari._qt.qthreading import wait_for_workers_to_quit
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QDialog

from limelight.widgets import persistence, reader


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    """Keep what docks remember away from the person's own settings."""
    monkeypatch.setattr(persistence, "config_folder", lambda: tmp_path / "config")
    monkeypatch.setattr(persistence, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path


@pytest.fixture(autouse=True)
def work_ends():
    """Let no look of a closed dock compile on: compilers change the warnings of all threads."""
    yield
    with suppress(RuntimeError):  # those whose window is gone
        wait_for_workers_to_quit(120_000)
    end = time.monotonic() + 120
    while any(_computes(i) for i in threads()) and time.monotonic() < end:
        time.sleep(0.01)


def threads():
    main = threading.main_thread().ident
    return [i for i in sys._current_frames() if i != main]


def _computes(thread):
    frame = sys._current_frames().get(thread)
    while frame is not None:
        if any(part in frame.f_code.co_filename for part in _COMPUTING):
            return True
        frame = frame.f_back
    return False


_COMPUTING = ("/numba/", "/limelight/localize/", "/core/detect/", "/core/fit/", "/core/render/")


@pytest.fixture(autouse=True)
def nobody(monkeypatch):
    """Nobody is there to be asked, whatever window another test left; a test may undo that."""
    monkeypatch.setattr(reader, "can_ask", lambda: False)


@pytest.fixture
def click_when_shown(qapp):
    """Let a function act on the dialog that the next call opens, however long that takes."""
    waiting = []

    def wait(act):
        timer = QTimer()
        timer.setInterval(20)

        def look():
            shown = QApplication.activeModalWidget()
            if isinstance(shown, QDialog) and waiting[0] is timer:
                timer.stop()
                waiting.remove(timer)
                try:
                    act(shown)
                except BaseException:
                    shown.reject()  # nobody else ends it
                    raise

        timer.timeout.connect(look)
        waiting.append(timer)
        timer.start()

    yield wait
    left = len(waiting)
    for timer in waiting:
        timer.stop()
    assert not left, "a question was not asked"
