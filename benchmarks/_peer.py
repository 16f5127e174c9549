"""The program that Limelight is compared with, in an environment of its own.

Benchmarks that compare call `peer_python`. Where the environment is, is decided in this order:

1. ``LIMELIGHT_PEER_PYTHON``: a Python that has the package (as `run_all.py --peer` sets it);
2. ``LIMELIGHT_PEER_VENV_PICASSOSR`` (and so on, by name): the folder of an environment;
3. a folder in the user's cache, which is made when it is missing: that needs the network once.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import platformdirs

__all__ = ["peer_python"]


def peer_python(package: str = "picassosr") -> Path:
    """Return a Python that can import the package, installing it if need be.

    Parameters
    ----------
    package : str
        Name on PyPI, or several joined by ``+``; the newest versions are installed.

    Raises
    ------
    SystemExit
        If an environment that was named does not exist, or the package cannot be installed.
    """
    if named := os.environ.get("LIMELIGHT_PEER_PYTHON"):
        found = shutil.which(named)
        if not found:
            raise SystemExit(f"LIMELIGHT_PEER_PYTHON names no program: {named}")
        return Path(found)
    variable = f"LIMELIGHT_PEER_VENV_{re.sub(r'[^A-Z0-9]', '_', package.upper())}"
    if folder := os.environ.get(variable):
        python = _python_of(Path(folder))
        if not python.exists():
            raise SystemExit(f"{variable} names no environment: there is no {python}")
        return python
    home = platformdirs.user_cache_path("limelight") / "peers" / package
    python = _python_of(home)
    # written last: an installation that was cut off is made again
    complete = home / "complete"
    if not complete.exists():
        print(f"Installing {package} into {home}", file=sys.stderr, flush=True)
        _install(package, home)
        complete.touch()
    return python


def _python_of(home: Path) -> Path:
    return home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _install(package: str, home: Path) -> None:
    shutil.rmtree(home, ignore_errors=True)
    python = _python_of(home)
    if uv := shutil.which("uv"):
        # the same Python as ours: versions of Python differ in speed, too
        commands = [
            [uv, "venv", "--python", sys.executable, str(home)],
            [uv, "pip", "install", "--python", str(python), *package.split("+")],
        ]
    else:
        venv.create(home, with_pip=True)
        commands = [[str(python), "-m", "pip", "install", "--quiet", *package.split("+")]]
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(
                f"{package} cannot be installed: {' '.join(command)}\n{done.stderr}\n"
                "Set LIMELIGHT_PEER_PYTHON to a Python that has it."
            )
