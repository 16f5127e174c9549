"""Every example runs, in a fresh interpreter and an empty folder, and warns of nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))
PLUGIN = EXAMPLES / "own_fitter"
MODULE = EXAMPLES / "own_module"


def run(arguments: list[str], folder: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_example_runs(script: Path, tmp_path: Path) -> None:
    assert run(["-W", "error::DeprecationWarning:__main__", str(script)], tmp_path)


@pytest.fixture
def installed_plugin(tmp_path: Path) -> dict[str, str]:
    return install(PLUGIN, tmp_path)


def install(package: Path, tmp_path: Path) -> dict[str, str]:
    """Register an example's package as an installer would, from its own pyproject.toml."""
    project = tomllib.loads((package / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    info = tmp_path / "site" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = []
    for group, entries in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return {"PYTHONPATH": os.pathsep.join([str(info.parent), str(package / "src")])}


def test_contributed_fitter_is_listed_and_localizes(
    installed_plugin: dict[str, str], tmp_path: Path
) -> None:
    code = """
import numpy as np
import limelight
from limelight.core import parts
from limelight.core.simulate import scene
from limelight.core.compare import score
assert "radial-symmetry" in parts.names("fitters")
movie = scene("standard", frames=20)
locs = limelight.localize(movie, fit="radial-symmetry")
result = score(movie.truth(), locs.table, shape=(256, 256))
print(len(locs), result.jaccard, result.rmse)
assert result.jaccard > 0.95 and result.rmse < 0.15
"""
    assert run(["-c", code], tmp_path, **installed_plugin)


def test_contributed_fitter_passes_its_own_tests(
    installed_plugin: dict[str, str], tmp_path: Path
) -> None:
    arguments = ["-m", "pytest", "-q", "-p", "no:cacheprovider", str(PLUGIN / "tests")]
    assert "passed" in run(arguments, tmp_path, **installed_plugin)


def test_contributed_module_passes_its_own_tests(tmp_path: Path) -> None:
    arguments = ["-m", "pytest", "-q", "-p", "no:cacheprovider", str(MODULE / "tests")]
    assert "passed" in run(arguments, tmp_path, **install(MODULE, tmp_path))


def test_contributed_module_reaches_the_command_line(tmp_path: Path) -> None:
    import numpy as np
    import tifffile

    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in" / "a_GFP.tif", np.full((40, 50), 200, np.uint16))
    tifffile.imwrite(tmp_path / "in" / "a_RFP.tif", np.full((40, 50), 1000, np.uint16))
    (tmp_path / "p.yaml").write_text(
        "limelight: pipeline 1\nchannels: [GFP, RFP]\nsteps:\n"
        "- unmix: {image: GFP, leaking: RFP, share: 0.05}\n"
        "- threshold_manual: {image: unmix.unmixed_image, threshold: 149}\n"
        "- register_objects: {mask: threshold_manual.mask, outputs: {objects: All}}\n"
    )
    arguments = ["-m", "limelight", "segment", "p.yaml", "--input", "in", "--output", "out"]
    assert "1 All" in run(arguments, tmp_path, **install(MODULE, tmp_path))


def test_contributed_fitter_reaches_the_command_line(
    installed_plugin: dict[str, str], tmp_path: Path
) -> None:
    text = run(["-m", "limelight", "localize", "--help"], tmp_path, **installed_plugin)
    assert "radial-symmetry" in text
