from __future__ import annotations

from importlib.metadata import entry_points

from limelight.segment import modules


def test_every_module_of_ours_is_registered():
    own = {
        e.name for e in entry_points(group="limelight.modules") if "limelight.segment" in e.value
    }
    assert own == set(modules.__all__)
