from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from limelight.core import parts
from limelight.core.errors import PartError
from limelight.core.settings import Settings


@pytest.fixture
def contributed(monkeypatch):
    """Have other packages contribute fitters."""

    def contribute(**values):
        entries = [EntryPoint(k, v, "limelight.fitters") for k, v in values.items()]
        monkeypatch.setattr(parts, "entry_points", lambda group: entries)
        parts._registered.cache_clear()

    yield contribute
    monkeypatch.undo()
    parts._registered.cache_clear()


class Mine(Settings):
    """A part of somebody's own."""


def test_every_own_part_loads_and_names_itself():
    for group in ("detectors", "fitters"):
        assert parts.names(group)
        for name in parts.names(group):
            assert parts.name_of(group, parts.make(group, name)) == name


def test_names_are_listed_without_importing(contributed):
    contributed(mine="no_such_module:Nothing")
    assert parts.names("fitters") == ["mine"]


def test_a_broken_part_is_reported_and_skipped(contributed):
    contributed(broken="no_such_module:Nothing", mine=f"{__name__}:Mine")
    with pytest.raises(PartError, match=r"'broken'.*no_such_module"):
        parts.load("fitters", "broken")
    with pytest.warns(UserWarning, match="broken"):
        loaded = parts.load_all("fitters")
    assert list(loaded) == ["mine"]


def test_something_that_is_no_part_is_refused(contributed):
    contributed(wrong="json:loads")
    with pytest.raises(PartError, match="Settings"):
        parts.load("fitters", "wrong")


def test_an_unknown_name_gets_a_suggestion():
    with pytest.raises(PartError, match="Did you mean 'mle'"):
        parts.load("fitters", "mel")


def test_limelights_own_part_is_not_displaced(monkeypatch):
    entries = [
        EntryPoint("mle", "limelight.core.fit.fitters:MLE", "limelight.fitters"),
        EntryPoint("mle", "other:MLE", "limelight.fitters"),
    ]
    monkeypatch.setattr(parts, "entry_points", lambda group: entries)
    parts._registered.cache_clear()
    with pytest.warns(UserWarning, match="Two packages contribute 'mle'"):
        assert parts._registered("fitters")["mle"].value.startswith("limelight")
    parts._registered.cache_clear()
