"""Run every benchmark, one after the other, and collect the figures in ``results.json``.

The manual's table of figures is made from that file.

    python benchmarks/run_all.py [--peer PYTHON] [--only NAME ...]

``--peer`` names the Python of an environment with ``picassosr``; it is handed on to the
benchmarks that compare with it.  ``--only`` measures some again and keeps the figures of the rest.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from _report import machine

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
FIRST = (
    "detect_speed",
    "fit_speed",
    "fit_accuracy",
    "jaccard",
    "whole_job",
    "constant_memory",
    "preview_latency",
    "reading",
    "picasso_files",
)
OTHERS = (p.stem for p in sorted(HERE.glob("*.py")) if not p.stem.startswith("_"))
NAMES = [n for n in dict.fromkeys((*FIRST, *OTHERS)) if n != "run_all"]
SCREEN = {
    "live_display",
    "live_localization",
    "metrics_dock",
    "preview_latency",
    "psf_live",
    "redraw",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--peer", help="Python of an environment with picassosr")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES)
    options = parser.parse_args()

    kept: dict[str, Any] = {}
    if RESULTS.exists():
        kept = json.loads(RESULTS.read_text(encoding="utf-8"))["benchmarks"]
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.only:
            print(f"\n== {name}", flush=True)
            out = Path(folder) / f"{name}.json"
            # What is measured is nobody's result: it stays out of a person's history.
            environment = {"LIMELIGHT_DB": "none", **os.environ}
            if options.peer:
                environment["LIMELIGHT_PEER_PYTHON"] = options.peer
            script = HERE / f"{name}.py"
            command = [sys.executable, str(script), "--json", str(out)]
            if name in SCREEN and sys.platform == "linux" and not os.environ.get("DISPLAY"):
                command = ["xvfb-run", "-a", "-s", "-screen 0 1920x1080x24", *command]
            done = subprocess.run(command, env=environment, check=False)
            if done.returncode or not out.exists():
                failed.append(name)
                continue
            figures = json.loads(out.read_text(encoding="utf-8"))
            kept[name] = {
                "command": f"python benchmarks/{name}.py",
                "measured": datetime.now(UTC).strftime("%Y-%m-%d"),
                "machine": figures.get("machine", {}),
                "rows": figures["rows"],
            }
    ordered = {name: kept[name] for name in NAMES if name in kept}
    content = {"machine": machine(), "benchmarks": ordered}
    temporary = RESULTS.with_suffix(".part")
    temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    temporary.replace(RESULTS)
    if failed:
        print(f"\nNot measured: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
