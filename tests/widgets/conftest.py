from __future__ import annotations

import pytest

from limelight.widgets import persistence, reader


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    """Keep what docks remember away from the person's own settings."""
    monkeypatch.setattr(persistence, "config_folder", lambda: tmp_path / "config")
    monkeypatch.setattr(persistence, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path


@pytest.fixture(autouse=True)
def nobody(monkeypatch):
    """Nobody is there to be asked, whatever window another test left; a test may undo that."""
    monkeypatch.setattr(reader, "can_ask", lambda: False)
