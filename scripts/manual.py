"""Fill the manual's tables from the code and from the measured figures, so that they stay true.

mkdocs calls `on_page_markdown` for every page.  A line such as ``<!-- columns -->`` is replaced by
what the function of that name below returns.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results.json"
MARKER = re.compile(
    r"^<!-- (columns|settings|parts|modules|help|scenes|benchmarks)(?: ([\w./ -]+?))? -->$", re.M
)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace the markers of a page; called by mkdocs."""
    return MARKER.sub(lambda m: globals()[f"make_{m[1]}"](*(m[2] or "").split()), markdown)


def table(head: list[str], rows: list[list[str]]) -> str:
    """Write a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in lines)


def make_columns() -> str:
    """Columns of the table of localizations."""
    from limelight.core.localizations import COLUMNS

    rows = [[f"`{n}`", c.unit or "-", c.meaning] for n, c in COLUMNS.items()]
    return table(["Column", "Unit", "Meaning"], rows)


def make_parts(group: str) -> str:
    """Parts of a group with the first line of what they say about themselves."""
    from limelight.core import parts

    rows = []
    for name, cls in parts.load_all(group).items():  # type: ignore[arg-type]
        first = (cls.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
        rows.append([f"`{name}`", re.sub(r"\s+", " ", first)])
    return table(["Name", "What it does"], rows)


def make_settings(group: str = "", name: str = "") -> str:
    """List the settings of the localization, or of a part."""
    from limelight.core import parts
    from limelight.core.settings import Settings, fields_of

    if group:
        cls = parts.load(group, name)  # type: ignore[arg-type]
    else:
        from limelight.localize import LocalizeSettings as cls
    rows = []
    for field in fields_of(cls):
        if isinstance(field.default, Settings) or field.name in ("detector", "fitter"):
            continue
        allowed = ", ".join(f"`{c}`" for c in field.choices)
        if not allowed and (field.low is not None or field.high is not None):
            low = "" if field.low is None else f"{field.low:g}"
            high = "" if field.high is None else f"{field.high:g}"
            allowed = f"{low} to {high}" if low and high else (f"≥ {low}" if low else f"≤ {high}")
        default = "none" if field.default is None else str(field.default)
        rows.append([f"`{field.name}`", f"`{default}`", field.unit or "-", allowed, field.help])
    if not rows:
        return "*It has no settings.*"
    return table(["Setting", "Default", "Unit", "Allowed", "Meaning"], rows)


def make_modules() -> str:
    """Modules of pipelines: what they do, take and give, and their settings."""
    from limelight.segment import load_all

    told = []
    for name, module in load_all().items():
        inputs = ", ".join(
            f"`{i.name}` ({i.pipe}{', optional' if i.optional else ''})" for i in module.inputs
        )
        outputs = ", ".join(f"`{o.name}` ({o.pipe})" for o in module.outputs)
        part = [f"## {name}", module.summary, f"Takes {inputs}. Gives {outputs}."]
        rows = []
        for field in module.fields:
            given = "to be given" if field.name in module.required else f"`{field.default}`"
            allowed = ", ".join(f"`{c}`" for c in field.choices)
            rows.append([f"`{field.name}`", given, field.unit or "-", allowed, field.help])
        if rows:
            part.append(table(["Setting", "Default", "Unit", "Allowed", "Meaning"], rows))
        told.append("\n\n".join(part))
    return "\n\n".join(told)


def make_help(*command: str) -> str:
    """Quote what a command says about itself."""
    done = subprocess.run(
        [sys.executable, "-m", "limelight", *command, "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={"COLUMNS": "96", "NO_COLOR": "1", "PATH": ""},
    )
    return f"```text\n{done.stdout.rstrip()}\n```"


def make_scenes() -> str:
    """Names of the simulated scenes."""
    from limelight.core.simulate import SCENES

    return ", ".join(f"`{name}`" for name in SCENES)


def make_benchmarks(name: str) -> str:
    """Measured figures of one benchmark, or the machine they come from."""
    if not RESULTS.exists():
        return "*Not measured on this checkout yet: run `python benchmarks/run_all.py`.*"
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    if name == "machine":
        return table(["", ""], [[k, str(v)] for k, v in results["machine"].items()])
    if name not in results["benchmarks"]:
        return f"*Not measured yet: run `python benchmarks/{name}.py`.*"
    return _figures(results["benchmarks"][name])


def _figures(part: dict[str, Any]) -> str:
    rows = [
        [
            str(row.get("what", "")),
            _number(row.get("limelight")),
            _number(row.get("peer")),
            _number(row.get("ratio")),
            str(row.get("goal", "") or "-"),
            str(row.get("unit", "") or "-"),
        ]
        for row in part["rows"]
    ]
    head = ["Quantity", "Limelight", "Picasso", "Ratio", "Goal", "Unit"]
    command = part.get("command", "")
    return table(head, rows) + (f"\n\n`{command}`" if command else "")


def _number(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
