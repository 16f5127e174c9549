"""What a watcher watches, and what it does with a movie; as a YAML file and as typed settings."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limelight.core import parts
from limelight.core.errors import FileError, LimelightError, ParameterError, suggest
from limelight.core.settings import Settings, fields_of, setting

if TYPE_CHECKING:
    from limelight.localize.settings import LocalizeSettings

__all__ = ["KINDS", "ParameterGroup", "WatchSettings", "load_watch", "safe_name", "split_command"]

KINDS = (".raw", ".ome.tif", ".ims", ".nd2", "ndtiff", ".zarr")
"""What is looked for unless something else is asked for."""

_KNOWN_KINDS = (*KINDS, ".tif", ".tiff", ".npy", ".dax", ".h5")
_GROUP_KEYS = ("localize", "steps", "commands")


@dataclass(frozen=True)
class ParameterGroup:
    """One way to process a movie.

    Parameters
    ----------
    localize : mapping
        As for ``limelight.localize``: ``detect``, ``fit``, their settings, ``camera`` (a
        configuration file), ``baseline``, ``sensitivity``, ``gain``, ``pixel_size``,
        ``read_noise``.
    steps : sequence of (str, mapping)
        Table tools and their settings, one after the other: ``("undrift", {"method": "rcc"})``.
    commands : sequence of sequences of str
        Programs to run at the end, each as a list of arguments.  In them ``$FILENAME`` stands for
        the newest table, ``$MOVIE`` for the movie.

    Raises
    ------
    ParameterError
        If a setting or a tool is unknown or of no use.
    """

    localize: Mapping[str, Any] = field(default_factory=dict)
    steps: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    commands: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "localize", dict(self.localize or {}))
        object.__setattr__(self, "steps", tuple(_step(s) for s in self.steps or ()))
        object.__setattr__(self, "commands", tuple(_command(c) for c in self.commands or ()))
        self.localize_settings()
        for name, values in self.steps:
            parts.make("tools", name, **values)

    def localize_settings(self) -> LocalizeSettings:
        """Return the settings of the localization, without those of the camera."""
        from limelight.localize.settings import LocalizeSettings

        camera = {*self.camera_values(), "camera"}
        values = {k: _tuples(v) for k, v in self.localize.items() if k not in camera}
        return LocalizeSettings.of(values.pop("detect", None), values.pop("fit", None), **values)

    def camera_values(self) -> dict[str, Any]:
        """Return the photon conversion that is set here."""
        from limelight.localize.api import CAMERA_VALUES

        return {k: v for k, v in self.localize.items() if k in CAMERA_VALUES}

    def to_dict(self) -> dict[str, Any]:
        """Return the group as a YAML file holds it."""
        from limelight.core.plain import plain

        return {
            "localize": plain(self.localize),
            "steps": [{name: plain(values)} for name, values in self.steps],
            "commands": [list(command) for command in self.commands],
        }


def _step(step: Any) -> tuple[str, Mapping[str, Any]]:
    """Read ``undrift``, ``{"undrift": {...}}`` or ``("undrift", {...})``."""
    if isinstance(step, str):
        return step, {}
    if isinstance(step, Mapping) and len(step) == 1:
        step = next(iter(step.items()))
    if isinstance(step, list | tuple) and len(step) == 2 and isinstance(step[0], str):
        values = step[1] or {}
        if isinstance(values, Mapping):
            return step[0], {str(k): _tuples(v) for k, v in values.items()}
    raise ParameterError(
        f"A step is the name of a tool and its settings, as in 'undrift: {{method: rcc}}', not "
        f"{step!r}."
    )


def _command(command: Any) -> tuple[str, ...]:
    # A text is cut into arguments here, before a file's name is put in: no shell ever sees it.
    words = split_command(command) if isinstance(command, str) else command
    if not isinstance(words, list | tuple) or not words:
        raise ParameterError(
            f"A command is a list of arguments, as in [python, tell.py, $FILENAME], not "
            f"{command!r}."
        )
    return tuple(str(w) for w in words)


def split_command(line: str) -> tuple[str, ...]:
    """Return the arguments of a command as a person types it; no shell ever sees it.

    On Windows a backslash is part of a path.

    Raises
    ------
    ParameterError
        If a quote is not closed.
    """
    try:
        if os.name != "nt":
            return tuple(shlex.split(line))
        return tuple(word.strip("\"'") for word in shlex.split(line, posix=False))
    except ValueError as error:
        raise ParameterError(f"The command {line!r} cannot be understood: {error}.") from error


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


class WatchSettings(Settings):
    """What a watcher watches, and what it does."""

    folders: tuple = setting((), help="Folders to watch.")  # type: ignore[type-arg]
    name: str = setting(
        "",
        help="Under this name the watcher knows what it has done; empty: made from the folders.",
    )
    kinds: tuple = setting(  # type: ignore[type-arg]
        KINDS, help=f"Which movies: {', '.join(_KNOWN_KINDS)}."
    )
    subfolders: bool = setting(False, help="Watch subfolders, too.")
    existing: bool = setting(True, help="Process movies that are there at the start, too.")
    poll_s: float = setting(
        10.0, help="Time between two looks at the folders.", unit="s", low=0.02, high=86400
    )
    settle_s: float = setting(
        10.0,
        help="A movie is complete when it has not changed for so long.",
        unit="s",
        low=0.0,
        high=86400,
    )
    patience_s: float = setting(
        600.0,
        help="A movie that is damaged or has missing frames is given so long to become complete; "
        "then what can be read of it is processed.",
        unit="s",
        low=0.0,
        high=864000,
        advanced=True,
    )
    groups: tuple = setting(  # type: ignore[type-arg]
        (), help="Parameter groups; with more than one, results are named _pg_1, _pg_2, ..."
    )
    quality: bool = setting(True, help="Measure the quality of every result.")
    group: str = setting("", help="Experiment under which the runs are found in the history.")
    tags: tuple = setting((), help="Further words to find them by.")  # type: ignore[type-arg]
    command_s: float = setting(
        3600.0, help="Longest time that a command may take.", unit="s", low=1.0, advanced=True
    )
    threads: int | None = setting(
        None, help="Threads; none: one per core.", low=1, advanced=True
    )  # fmt: skip

    def __post_init__(self) -> None:
        if isinstance(self.folders, str | Path):
            object.__setattr__(self, "folders", (self.folders,))
        super().__post_init__()
        put = object.__setattr__
        put(self, "folders", tuple(str(Path(f).expanduser().absolute()) for f in self.folders))
        if not self.folders:
            raise ParameterError("A watcher needs at least one folder.")
        for folder in self.folders:
            if not Path(folder).is_dir():
                raise ParameterError(f"There is no folder {folder} to watch. Make it first.")
        kinds = tuple(str(k).lower() for k in self.kinds)
        for kind in kinds:
            if kind not in _KNOWN_KINDS:
                raise ParameterError(
                    f"A watcher knows no movies of the kind {kind!r}. {suggest(kind, _KNOWN_KINDS)}"
                )
        put(self, "kinds", kinds)
        groups = tuple(
            g if isinstance(g, ParameterGroup) else ParameterGroup(**_known(g, _GROUP_KEYS))
            for g in self.groups or (ParameterGroup(),)
        )
        put(self, "groups", groups)
        if not self.name:
            mark = hashlib.sha256("\n".join(sorted(self.folders)).encode()).hexdigest()[:6]
            put(self, "name", f"{safe_name(Path(self.folders[0]).name)}-{mark}")

    def suffix(self, group: int) -> str:
        """Return what the results of a parameter group (from 0) are named with."""
        return "" if len(self.groups) == 1 else f"_pg_{group + 1}"

    def to_yaml(self) -> str:
        """Return the settings as the YAML file that makes them."""
        import yaml

        values = {k: list(v) if isinstance(v, tuple) else v for k, v in self.to_dict().items()}
        values["groups"] = [g.to_dict() for g in self.groups]
        return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


def safe_name(name: str) -> str:
    """Return a name that a file can have on any system."""
    return re.sub(r"[^\w.-]+", "_", name).strip("._") or "watcher"


def _known(values: Any, keys: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(values, Mapping):
        raise ParameterError(f"Settings of a watcher are names and values, not {values!r}.")
    for name in values:
        if name not in keys:
            raise ParameterError(f"A watcher has no setting {name!r}. {suggest(str(name), keys)}")
    return dict(values)


def load_watch(path: str | Path, **changes: Any) -> WatchSettings:
    """Read the settings of a watcher from a YAML file.

    Parameters
    ----------
    path : path
        A file with the settings of `WatchSettings`; instead of ``groups`` it may have one group's
        ``localize``, ``steps`` and ``commands``, or nothing but the settings of a localization.
    **changes
        Take precedence over what the file says.

    Raises
    ------
    FileError
        If the file cannot be read or a value in it is of no use.
    """
    import yaml

    path = Path(path).expanduser()
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise FileError(path, f"it cannot be read ({error.strerror}).") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FileError(path, f"it is not YAML: {error}.") from error
    own = tuple(f.name for f in fields_of(WatchSettings))
    try:
        if not isinstance(values, Mapping):
            raise ParameterError("Settings of a watcher are names and values.")
        values = {str(k): v for k, v in values.items()}
        if not set(values) & {*own, *_GROUP_KEYS}:
            values = {"localize": values}
        one = {k: values.pop(k) for k in _GROUP_KEYS if k in values}
        if one and values.get("groups"):
            raise ParameterError(
                f"Give either groups, or {', '.join(one)} for a single one, not both."
            )
        if one:
            values["groups"] = (one,)
        values = {k: _as_tuple(v) for k, v in values.items()}
        _known(values, own)
        return WatchSettings(**{**values, **changes})
    except LimelightError as error:
        raise FileError(path, str(error)) from error


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
