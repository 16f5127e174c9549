"""Watcher: every movie that comes into a folder is processed, once, whatever happens in between."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

from limelight.core.errors import LimelightError, ParameterError
from limelight.core.job import Progress
from limelight.metrics.arrivals import Arrivals, Movie
from limelight.metrics.claims import Claim, Claims
from limelight.metrics.database import Database
from limelight.metrics.places import data_folder
from limelight.metrics.processes import HEARTBEAT_S
from limelight.metrics.processing import process_job
from limelight.metrics.watch_settings import WatchSettings, safe_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from limelight.core.job import Job

__all__ = ["WatchLog", "Watched", "Watcher", "log_path", "watch_job"]

_STEP_S = 0.25  # how often the job yields while it waits, so that it can be stopped
_GROWS_S = 3600.0  # for so long it is looked whether a movie that was processed goes on growing
_LARGE_LOG = 5_000_000


def log_path(name: str) -> Path:
    """Return where the watcher of that name writes what it does."""
    return data_folder() / "watchers" / f"{safe_name(name)}.log"


class WatchLog:
    """The log of a watcher: lines with a time, added at the end of a file.

    Parameters
    ----------
    path : path
        The file; one that has become large is begun anew when a watcher starts.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > _LARGE_LOG:
            path.replace(path.with_suffix(".old.log"))

    def __call__(self, line: str) -> None:
        """Add a line."""
        now = datetime.now().isoformat(" ", "seconds")
        text = "\n    ".join(line.splitlines())
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(f"{now}  {text}\n")
        except OSError:
            pass  # a full disk must not end the watcher; its work fails where it matters

    def lines(self, most: int = 200) -> list[str]:
        """Return the newest lines."""
        try:
            with self.path.open("rb") as file:
                file.seek(0, 2)
                file.seek(max(file.tell() - 400 * most, 0))
                return file.read().decode("utf-8", "replace").splitlines()[-most:]
        except OSError:
            return []


class Watched:
    """What a watcher has done since it started.

    Parameters
    ----------
    done, failed, known : list of str
        Movies (with the parameter group, where there are several) that were processed, that
        failed, and that were processed before.
    """

    def __init__(self) -> None:
        self.done: list[str] = []
        self.failed: list[str] = []
        self.known: list[str] = []

    def __repr__(self) -> str:
        counts = f"{len(self.done)} processed, {len(self.failed)} failed"
        return f"{counts}, {len(self.known)} done before"


class _Watch:
    """One start of a watcher."""

    def __init__(self, settings: WatchSettings, database: Database, log: WatchLog) -> None:
        self.settings, self.database, self.log = settings, database, log
        self.claims = Claims(database.gate, settings, log.path)
        self.arrivals = Arrivals(
            settings.folders,
            settings.kinds,
            subfolders=settings.subfolders,
            settle_s=settings.settle_s,
            patience_s=settings.patience_s,
        )
        self.result = Watched()
        self._parts = range(len(settings.groups))
        self._finished: dict[str, dict[int, tuple[float, float]]] = {}
        self._ignored: set[Path] = set()
        self._waits: dict[Path, str] = {}
        self._beaten = 0.0
        self._stop = False
        self._trouble = ""

    def job(self, once: bool, again: bool) -> Job[Watched]:
        yield from self._until_reached(self.claims.sign_in)
        self.log(f"Watches {', '.join(self.settings.folders)} as {self.settings.name!r}.")
        message = "Stopped."
        try:
            if again:
                yield from self._until_reached(self.claims.forget)
            if not self.settings.existing:
                self._ignored = {m.path for m in self.arrivals.look()}
            while not self._stop:
                movies = yield from self._look()
                if once and not self._waits and not movies:
                    break
                worked = False
                for movie in movies:
                    worked |= yield from self._movie(movie)
                    if self._stop:
                        break
                if not worked:  # there is none, or others have them all
                    yield from self._wait(self.settings.poll_s)
        except GeneratorExit:
            raise
        except Exception as error:
            message = f"Stopped by an error: {type(error).__name__}: {error}"
            raise
        finally:
            try:
                self.claims.sign_out(message)
            except LimelightError as error:
                self.log(str(error))
            self.log(f"{message} {self.result}.")
        return self.result

    def _until_reached(self, action: Callable[[], object]) -> Job[None]:
        """Do something with the database; wait while it cannot be reached."""
        while not self._stop:
            try:
                action()
            except LimelightError as error:
                if str(error) != self._trouble:
                    self._trouble = str(error)
                    self.log(f"Waits: {error}")
                yield from self._wait(max(self.settings.poll_s, 1.0), beat=False)
            else:
                self._trouble = ""
                return

    def _look(self) -> Job[list[Movie]]:
        """Look at the folders; return the movies to be processed."""
        yield from self._until_reached(self._refresh)
        self._waits = {}
        ready = []
        for movie in self.arrivals.look(self._is_finished):
            if not movie.ready:
                self._waits[movie.path] = movie.why
            elif any(self._is_open(movie, part) for part in self._parts):
                ready.append(movie)
        yield self._progress("")
        return ready

    def _refresh(self) -> None:
        self._finished = self.claims.finished()

    def _is_finished(self, path: Path) -> bool:
        """Tell whether a movie need not be looked at: done, and not growing any more."""
        if path in self._ignored:
            return True
        known = self._finished.get(str(path), {})
        if len(known) < len(self._parts):
            return False
        return all(time.time() - changed > _GROWS_S for _, changed in known.values())

    def _is_open(self, movie: Movie, part: int) -> bool:
        known = self._finished.get(str(movie.path), {}).get(part)
        return known is None or known[0] != movie.size

    def _movie(self, movie: Movie) -> Job[bool]:
        """Process what nobody else has of a movie; return whether there was something."""
        worked = False
        for part in self._parts:
            if self._stop or not self._is_open(movie, part):
                continue
            taken: list[Claim | None] = []

            def take(part: int = part, taken: list[Claim | None] = taken) -> None:
                taken.append(self.claims.take(movie.path, part, movie.size))

            yield from self._until_reached(take)
            if taken and taken[0] is not None:
                worked = True
                yield from self._process(taken[0], movie)
            # else another watcher has it; the next look at the database tells how it went
        return worked

    def _process(self, claim: Claim, movie: Movie) -> Job[None]:
        title = movie.path.name + (self.settings.suffix(claim.part).replace("_", " "))
        if claim.attempts > 1:
            self.log(f"{title}: goes on after attempt {claim.attempts - 1} was cut off.")
        elif claim.resumed:
            self.log(f"{title}: goes on where it was stopped.")
        elif claim.again:
            self.log(f"{title}: is processed again.")
        else:
            self.log(f"{title}: new." + (f" {movie.why}" if movie.why else ""))
        state, message = "done", ""
        job = process_job(claim, self.claims, self.settings, self.database, self.log)
        try:
            while True:
                try:
                    step = next(job)
                except StopIteration as stop:
                    state = stop.value
                    break
                yield Progress(step.done, step.total, f"{title}: {step.message}", step.partial)
                self._beat(f"{title}: {step.message}")
        except GeneratorExit:
            self._let_go(claim)
            raise
        except (LimelightError, OSError, MemoryError, ValueError) as error:
            state, message = "failed", str(error) or type(error).__name__
            self.log(f"{title}: failed: {message}")
        finally:
            job.close()
        yield from self._until_reached(lambda: self.claims.finish(claim, state, message))
        getattr(self.result, state).append(title)
        size = float(movie.size)
        self._finished.setdefault(str(movie.path), {})[claim.part] = (size, time.time())

    def _let_go(self, claim: Claim) -> None:
        try:
            self.claims.release(claim)
        except LimelightError as error:
            self.log(str(error))

    def _beat(self, message: str) -> None:
        now = time.monotonic()
        if now - self._beaten < HEARTBEAT_S:
            return
        self._beaten = now
        try:
            if self.claims.beat(message):
                self._stop = True
                self.log("Was asked to stop; stops after this movie.")
        except LimelightError:
            pass  # it is only a sign of life

    def _wait(self, seconds: float, beat: bool = True) -> Job[None]:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self._stop:
            if beat:
                self._beat(self._status())
            time.sleep(min(left, _STEP_S))
            yield self._progress("")

    def _status(self) -> str:
        waits = [f"{p.name}: {why}" for p, why in self._waits.items()]
        more = f" (and {len(waits) - 1} more)" if len(waits) > 1 else ""
        return f"{self.result}. " + (f"Waits for {waits[0]}{more}" if waits else "Waits for movies")

    def _progress(self, message: str) -> Progress:
        done = len(self.result.done) + len(self.result.failed)
        waiting = len(self._waits)
        return Progress(done, done + waiting, self._trouble or message or self._status())


def watch_job(
    settings: WatchSettings,
    database: Database | None = None,
    *,
    once: bool = False,
    again: bool = False,
) -> Job[Watched]:
    """Process every movie that comes into the folders, until the job is closed.

    Each movie is processed once by all watchers of this name together, on this computer or on
    others that share the database.  One that is killed, at whatever moment, goes on where it was
    when it is started again: localizing a movie begins anew, steps that are done are not repeated,
    and a command that was under way is run again.

    Parameters
    ----------
    settings : WatchSettings
        What to watch and what to do.
    database : Database, optional
        Where it is noted what is done; by default the one of ``LIMELIGHT_DB``.
    once : bool
        End when all movies that are there are processed and none is being written.
    again : bool
        Process again what was processed before.

    Yields
    ------
    Progress
        What it does; several times a second, so that it can be stopped at any time.

    Returns
    -------
    Watched
        What was done.

    Raises
    ------
    DatabaseError
        If the database is switched off.
    """
    database = database or Database()
    log = WatchLog(log_path(settings.name))
    try:
        return (yield from _Watch(settings, database, log).job(once, again))
    finally:
        database.close()


class Watcher:
    """A watcher in a thread of this process.

    Parameters
    ----------
    settings : WatchSettings
        What to watch and what to do.
    database : Database, optional
        By default the one of ``LIMELIGHT_DB``.

    Raises
    ------
    DatabaseError
        If the database is switched off.
    """

    def __init__(self, settings: WatchSettings, database: Database | None = None) -> None:
        self.settings = settings
        self._database = database or Database()
        self.log_path = log_path(settings.name)
        self.message = "Not started."
        self.progress: Progress | None = None
        self.result: Watched | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, *, once: bool = False, again: bool = False) -> None:
        """Start; settings are those of `watch_job`.

        Raises
        ------
        ParameterError
            If it runs.
        """
        if self.running:
            raise ParameterError(f"The watcher {self.settings.name!r} runs. Stop it first.")
        self._stop.clear()
        values: dict[str, Any] = {"once": once, "again": again}
        self._thread = threading.Thread(
            target=self._work, kwargs=values, name="limelight-watcher", daemon=True
        )
        self._thread.start()

    def stop(self, timeout: float = 10.0) -> bool:
        """Stop, also amid a movie, which is begun anew next time; return whether it has."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout)
        return not self.running

    def log(self, lines: int = 200) -> list[str]:
        """Return the newest lines of the log."""
        return WatchLog(self.log_path).lines(lines)

    def _work(self, once: bool, again: bool) -> None:
        job = watch_job(self.settings, self._database, once=once, again=again)
        try:
            while not self._stop.is_set():
                self.progress = next(job)
                self.message = self.progress.message
            self.message = "Stopped."
        except StopIteration as stop:
            self.result = stop.value
            self.message = f"Ended: {stop.value}."
        except Exception as error:  # told, as nobody waits for this thread
            self.message = f"Stopped by an error: {error}"
        finally:
            job.close()
