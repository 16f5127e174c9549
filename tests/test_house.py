"""Guards of the house: what has to hold for the package as a whole."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distribution, entry_points
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

GROUPS = ("limelight.detectors", "limelight.fitters")
HEAVY = ("numba", "napari", "dask", "distributed", "h5py", "qtpy", "pandas", "matplotlib", "scipy")
# yaml is not in this list: numba itself imports it.  The import contract forbids it to us.
NOT_IN_CORE = (
    *("napari", "qtpy", "PyQt6", "PySide6", "superqt", "magicgui"),
    *("dask", "distributed", "h5py", "tifffile", "matplotlib", "tqdm"),
)


def fresh(code: str) -> str:
    """Run code in a new interpreter and return what it printed."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(("module", "limit"), [("limelight", 0.1), ("limelight.core", 0.3)])
def test_import_is_quick(module: str, limit: float) -> None:
    code = (
        "from time import perf_counter as now; start = now(); "
        f"import {module}; print(now() - start)"
    )
    assert min(float(fresh(code)) for _ in range(5)) < limit


@pytest.mark.parametrize("module", ["limelight", "limelight.core", "limelight.cli"])
def test_import_loads_nothing_heavy(module: str) -> None:
    loaded = fresh(f"import {module}, sys; print(*sys.modules)").split()
    assert not set(HEAVY) & set(loaded)


def test_core_runs_without_window_files_or_cluster() -> None:
    code = """
import importlib, pkgutil, sys
import limelight.core as core
for found in pkgutil.walk_packages(core.__path__, core.__name__ + "."):
    importlib.import_module(found.name)
print(*sys.modules)
"""
    loaded = fresh(code).split()
    assert "limelight.core.camera" in loaded
    assert not set(NOT_IN_CORE) & set(loaded)


def test_public_names_exist() -> None:
    import limelight

    for name in limelight.__all__:
        assert getattr(limelight, name) is not None
    assert limelight.__version__ == distribution("napari-limelight").version
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = limelight.nonsense


@pytest.mark.parametrize(
    "entry",
    [e for e in distribution("napari-limelight").entry_points if e.group != "napari.manifest"],
    ids=lambda e: f"{e.group}-{e.name}",
)
def test_entry_point_loads(entry) -> None:
    assert entry.load() is not None


@pytest.mark.parametrize("group", GROUPS)
def test_own_parts_are_contributed_like_any_other(group: str) -> None:
    from limelight.core import parts

    assert {e.name for e in entry_points(group=group)} <= set(parts.names(group.split(".")[1]))


def test_manifest_of_the_distribution_is_the_file(root: Path) -> None:
    from npe2 import PluginManifest

    shipped = PluginManifest.from_distribution("napari-limelight")
    file = PluginManifest.from_file(root / "napari.yaml")
    assert shipped.name == distribution("napari-limelight").metadata["Name"]
    assert shipped.contributions == file.contributions


def test_manifest_commands_exist(root: Path) -> None:
    from importlib import import_module

    from npe2 import PluginManifest

    for command in PluginManifest.from_file(root / "napari.yaml").contributions.commands or ():
        module, name = command.python_name.split(":")
        assert callable(getattr(import_module(module), name)), command.id


def tracked(root: Path) -> list[Path]:
    listing = subprocess.run(
        ["git", "-C", root, "ls-files", "-z"], capture_output=True, text=True, check=False
    )
    if listing.returncode:
        pytest.skip("not a git checkout")
    paths = [root / name for name in listing.stdout.split("\0") if name]
    return [p for p in paths if p.is_file() and not p.is_symlink()]


def test_files_name_no_machine(root: Path) -> None:
    places = ["/" + place + "/" for place in ("work", "root", "tmp", "home")]
    found = []
    for path in tracked(root):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(root)}: {place}" for place in places if place in text]
    assert not found


def test_no_work_is_left_open(root: Path) -> None:
    words = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "NotImplemented" + "Error"]
    found = [
        f"{path.relative_to(root)}: {word}"
        for path in tracked(root)
        if path.suffix == ".py" and path.is_relative_to(root / "src")
        for word in words
        if word in path.read_text(encoding="utf-8")
    ]
    assert not found
