"""What a database tells of a run, of a watcher, and of itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Details", "Status", "WatcherState"]


@dataclass(frozen=True)
class Details:
    """All that is known of a run beside its row.

    Parameters
    ----------
    settings, camera : dict
        As they were reported.
    figures : dict of str to float
        All figures that were measured, with and without a column of their own.
    notes : dict of str to str
        Notes by the name of a figure.
    """

    settings: dict[str, Any]
    camera: dict[str, Any]
    figures: dict[str, float]
    notes: dict[str, str]


@dataclass(frozen=True)
class WatcherState:
    """A watcher, as the database knows it.

    Parameters
    ----------
    uid : str
        Identifies this start of the watcher.
    name : str
        Its name; one that is started again under its name goes on where it stopped.
    folders : list of str
        What it watches.
    settings : str
        Its settings as YAML.
    log : path
        Its log.
    host, pid
        Where it runs.
    started, heartbeat : float
        When it started and last said that it lives, seconds since 1970.
    state : str
        ``running`` or ``stopped``, or ``lost`` where it does not live any more.
    message : str
        What it is doing.
    """

    uid: str
    name: str
    folders: list[str]
    settings: str
    log: Path
    host: str
    pid: int
    started: float
    heartbeat: float
    state: str
    message: str


@dataclass(frozen=True)
class Status:
    """How the database is.

    Parameters
    ----------
    url : str
        Where it is, without a password; ``none`` where it is switched off.
    path : path, optional
        Its file, if it is one.
    problem : str
        What is wrong with it; empty where all is well.
    version : int or None
        Version of its tables.
    runs : int
        How many runs it holds.
    kinds : dict of str to int
        How many of each kind.
    size_bytes : int
        Size of the file.
    waiting : int
        Rows in the journal that wait to be added.
    journal : path, optional
        Where they wait.
    watchers : list of WatcherState
        Watchers that run, ran last, or were lost.
    software : str
        This version of Limelight.
    """

    url: str
    path: Path | None = None
    problem: str = ""
    version: int | None = None
    runs: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    size_bytes: int = 0
    waiting: int = 0
    journal: Path | None = None
    watchers: list[WatcherState] = field(default_factory=list)
    software: str = ""
