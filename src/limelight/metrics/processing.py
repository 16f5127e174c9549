"""What a watcher does with one movie: localize, apply the steps, run the commands."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from limelight.core.errors import FileError, LimelightError, ParameterError
from limelight.core.job import Progress
from limelight.core.report import RunRecord
from limelight.io import load_localizations, open_movie
from limelight.io.atomic import leftovers
from limelight.io.tools import Targets, apply_tool_job, tool_of
from limelight.localize.api import camera_of
from limelight.localize.job import localize_job
from limelight.localize.record import provenance, results_path
from limelight.localize.saving import save_job

if TYPE_CHECKING:
    from collections.abc import Callable

    from limelight.core.job import Job
    from limelight.metrics.claims import Claim, Claims
    from limelight.metrics.database import Database
    from limelight.metrics.watch_settings import ParameterGroup, WatchSettings

__all__ = ["process_job"]

_POLL_S = 0.2


def process_job(
    claim: Claim,
    claims: Claims,
    settings: WatchSettings,
    database: Database,
    log: Callable[[str], object],
) -> Job[str]:
    """Process a movie that was claimed, from the first step that is not done.

    Yields
    ------
    Progress
        Of the step that is under way.

    Returns
    -------
    str
        ``done``, or ``known`` where there was a result that is not to be replaced.

    Raises
    ------
    LimelightError
        If the movie, a step or a command fails.
    """
    group: ParameterGroup = settings.groups[claim.part]
    table = claim.done("localize")
    if table is None:
        found = yield from _localize_job(claim, group, settings, claims, database, log)
        if found is None:
            return "known"
        table = str(found)
        claims.note(claim, "localize", table)
    for k, (name, values) in enumerate(group.steps):
        step = f"{k + 1} {name}"
        before = claim.done(step)
        if before is None:
            job = _tool_job(claim, step, name, dict(values), table, settings, database)
            try:
                before = yield from job
                said = Path(before).name
            except ParameterError as error:
                if tool_of(name, **values).suffix:
                    raise
                # what only measures may fail, as on a table that is too small
                before, said = table, str(error)
            claims.note(claim, step, before)
            log(f"{Path(table).name}: {name}: {said}")  # never twice, should it be cut off here
        table = before
    for k, command in enumerate(group.commands):
        step = f"{k + 1} command"
        if claim.done(step) is None:
            yield from _command_job(command, table, claim.path, settings, log)
            claims.note(claim, step, table)
    return "done"


def _localize_job(
    claim: Claim,
    group: ParameterGroup,
    settings: WatchSettings,
    claims: Claims,
    database: Database,
    log: Callable[[str], object],
) -> Job[Path | None]:
    chosen = group.localize_settings()
    with open_movie(claim.path) as movie:
        camera = camera_of(movie, group.localize.get("camera"), **group.camera_values())
        target = results_path(movie, f"{settings.suffix(claim.part)}_locs")
        if movie.problem is not None:
            log(f"{movie.name}: {movie.problem}")
        begun = time.monotonic()
        saved = None
        if target.exists() and not claim.again:
            ours = json.dumps(provenance(movie, chosen, camera)[-1]["Limelight"], default=str)
            if not claim.resumed:
                why = "in the history" if claims.is_known(target) else "there, and not replaced"
                log(f"{movie.name}: {target.name} is {why}.")
                return None
            # whoever had the claim was ended: what it has saved is complete, as it was renamed
            saved = _saved(target, ours)
        if claim.resumed:
            _sweep(target)
        if saved is None:
            saved = yield from localize_job(movie, chosen, camera=camera, threads=settings.threads)
        saving = save_job(
            *(saved, target, movie, chosen, camera),
            duration_s=time.monotonic() - begun,
            quality=settings.quality,
            group=settings.group,
            tags=settings.tags,
            threads=settings.threads,
            uid=claim.run_uid,
            tell=database.keep,
        )
        yield from saving
        log(f"{movie.name}: {len(saved):,} molecules in {target.name}")
    return target


def _sweep(*targets: Path) -> None:
    """Remove what a killed watcher had begun to write; this one has the claim now."""
    for target in targets:
        for path in (target, target.with_suffix(".yaml")):
            for part in leftovers(path):
                with contextlib.suppress(OSError):
                    part.unlink()


def _saved(target: Path, ours: str) -> Any:
    """Return the result that is there, if it was made with the same settings."""
    try:
        locs = load_localizations(target)
    except LimelightError:
        return None
    theirs = next((s["Limelight"] for s in reversed(locs.provenance) if "Limelight" in s), None)
    same = json.loads(json.dumps(theirs, default=str)) == json.loads(ours)
    return locs if same else None


def _tool_job(
    claim: Claim,
    step: str,
    name: str,
    values: dict[str, Any],
    table: str,
    settings: WatchSettings,
    database: Database,
) -> Job[str]:
    tool = tool_of(name, **values)
    if claim.resumed:
        targets = Targets.beside(Path(table), tool)
        _sweep(targets.table, targets.groups, targets.drift)
    # Its result is ours to replace: it is of this claim, or of one that was interrupted.
    applied = yield from apply_tool_job(tool, table, overwrite=True)
    written = str(applied.saved[0]) if applied.saved else table
    database.keep(
        RunRecord(
            kind="tool",
            file=applied.saved[0] if applied.saved else None,
            source=table,
            group=settings.group,
            tags=(*settings.tags, name),
            duration_s=applied.seconds,
            settings={"tool": name, **values},
            figures={m.name: m.value for m in applied.result.measures},
            notes={m.name: m.note for m in applied.result.measures if m.note},
            uid=uuid.uuid5(uuid.NAMESPACE_OID, f"{claim.run_uid} {step}").hex,
        )
    )
    return written


def _command_job(
    command: tuple[str, ...],
    table: str,
    movie: str,
    settings: WatchSettings,
    log: Callable[[str], object],
) -> Job[None]:
    """Run a program; a list of arguments goes to it as it is, and no shell sees it."""
    import tempfile

    words = [w.replace("$FILENAME", table).replace("$MOVIE", movie) for w in command]
    name = Path(words[0]).name
    log(f"Runs {words}")
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        except (OSError, ValueError) as error:
            raise FileError(
                Path(words[0]), f"the command cannot be run ({error}).", "Give its full path."
            ) from error
        try:
            end = time.monotonic() + settings.command_s
            while process.poll() is None:
                if time.monotonic() > end:
                    raise LimelightError(
                        f"The command {name} took longer than {settings.command_s:g} s and was "
                        "ended. Set command_s to allow it more."
                    )
                yield Progress(0, 1, f"Runs {name}")
                try:
                    process.wait(_POLL_S)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            output.seek(0)
            said = output.read(20_000).decode(errors="replace").strip()
            if said:
                log(f"{name} says: {said}")
    if process.returncode:
        raise LimelightError(
            f"The command {name} failed with status {process.returncode}. What it said is in the "
            "log."
        )
