from __future__ import annotations

import gc
import threading
import time

import numpy as np

from limelight.acquire.room import Room


def test_a_place_is_taken_until_the_last_view_is_gone():
    room = Room(2)
    first = np.zeros((4, 4))
    assert room.admit(first, 0.0) and room.free == 1
    view = first[1:, 1:]
    deeper = view.T[::2]
    del first, view
    gc.collect()
    assert room.free == 1
    del deeper
    gc.collect()
    assert room.free == 2


def test_views_count_with_their_owner():
    room = Room(1)
    owner = np.zeros((4, 4, 4))
    colours = owner[..., :3]
    assert room.admit(colours, 0.0)
    del colours
    assert room.free == 0
    del owner
    assert room.free == 1


def test_a_full_room_waits_and_then_refuses():
    room = Room(1)
    kept = np.zeros(3)
    assert room.admit(kept, 0.0)
    start = time.monotonic()
    assert not room.admit(np.zeros(3), 0.1)
    assert 0.09 < time.monotonic() - start < 2

    held = [kept]
    del kept
    timer = threading.Timer(0.05, held.clear)
    timer.start()
    assert room.admit(np.zeros(3), 10)
    timer.join()


def test_it_grows_where_waiting_would_be_for_ever():
    room = Room(2, idle=lambda: True)
    kept = [np.zeros(3) for _ in range(5)]
    assert all(room.admit(k, 10) for k in kept) and room.places == 5
    room.grow(4)
    assert room.places == 5


def test_many_threads():
    room = Room(3)
    busy, most, lock = [0], [0], threading.Lock()

    def work():
        for _ in range(200):
            pixels = np.zeros(2)
            assert room.admit(pixels, 10)
            with lock:
                busy[0] += 1
                most[0] = max(most[0], busy[0])
            with lock:
                busy[0] -= 1
            del pixels

    threads = [threading.Thread(target=work) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert room.free == 3 and most[0] <= 3
