"""Script: an acquisition as the lines of Python that repeat it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from limelight.acquire.scope import CONFIGURATION
from limelight.core import parts
from limelight.core.settings import Settings, fields_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["as_script"]


def as_script(
    sequence: Any,
    *,
    configuration: str | None = None,
    directory: str | Path | None = None,
    name: str = "acquisition",
    format: str | None = None,
    save: str = "processed",
    processors: Sequence[Settings] = (),
) -> str:
    """Return the script of an acquisition.

    Parameters
    ----------
    sequence : useq.MDASequence
        What is acquired.
    configuration : str, optional
        What is loaded first, as `limelight.start_headless` takes it.
    directory, name, format, save, processors
        As `limelight.Acquisition` takes them.

    Returns
    -------
    str
        Python code.
    """
    # What a dock keeps with it is of no use to a script; the microscope's name is.
    sequence = sequence.replace(metadata={})
    if configuration is not None and Path(configuration) == CONFIGURATION:
        configuration = "simulated"
    lines = ["import useq", "import yaml", ""]
    names = "Acquisition, start_headless" if configuration else "Acquisition"
    lines += [f"from limelight import {names}", ""]
    text = sequence.yaml(exclude_unset=True).strip().replace("\\", "\\\\").replace('"""', "'''")
    lines += ["sequence = useq.MDASequence.model_validate(", "    yaml.safe_load("]
    lines += ['        """\\']
    lines += [*text.splitlines(), '"""', "    )", ")"]
    if configuration:
        lines.append(f"start_headless(config_file={configuration!r})")
    options = []
    if directory is not None:
        options += [repr(str(directory)), repr(name)]
    if format:
        options.append(f"format={format!r}")
    if save != "processed":
        options.append(f"save={save!r}")
    lines.append("with Acquisition(")
    lines += [f"    {option}," for option in options]
    if processors:
        lines.append("    processors=[")
        lines += [f"        {_part(p)}," for p in processors]
        lines.append("    ],")
    lines += [") as acq:", "    acq.acquire(sequence)", "dataset = acq.get_dataset()"]
    return "\n".join(lines) + "\n"


def _part(part: Settings) -> str:
    name = parts.name_of("processors", part)
    given = {
        f.name: getattr(part, f.name)
        for f in fields_of(type(part))
        if getattr(part, f.name) != f.default
    }
    return repr((name, given)) if given else repr(name)
