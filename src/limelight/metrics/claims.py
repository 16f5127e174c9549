"""Claims: which watcher works on which movie, so that each is processed once.

A claim is a row that only one can insert.  Steps that are done are noted in it, so that whoever
goes on after a crash does not do them again.  A claim of a process that is dead is taken over.
"""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from limelight.metrics.connection import DatabaseError
from limelight.metrics.processes import is_lost, this_process
from limelight.metrics.schema import claims, runs, watchers

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.engine import Connection

    from limelight.metrics.connection import Gate
    from limelight.metrics.watch_settings import WatchSettings

__all__ = ["Claim", "Claims"]

_MOST_ATTEMPTS = 10
_AGAIN = "again"  # noted as a step, so that whoever goes on knows that an older result is there
FINISHED = ("done", "failed", "known")


@dataclass
class Claim:
    """The right to process a movie with a parameter group.

    Parameters
    ----------
    id : int
        Of its row.
    path : path as str
        The movie.
    part : int
        Parameter group, from 0.
    run_uid : str
        Identity of the run in the history.
    attempts : int
        How often it was begun; above 1 after a crash.
    again : bool
        Whether the movie was processed before, and has grown since or is to be done again.
    resumed : bool
        Whether somebody began it and was stopped or killed: a result that is there may be ours.
    steps : list of (str, str)
        Steps that are done, and the files that they wrote.
    """

    id: int
    path: str
    part: int
    run_uid: str
    attempts: int
    again: bool = False
    resumed: bool = False
    steps: list[tuple[str, str]] = field(default_factory=list)

    def done(self, step: str) -> str | None:
        """Return the file that a step wrote, None where it is not done."""
        return next((file for name, file in self.steps if name == step), None)


class Claims:
    """The claims of one watcher.

    Parameters
    ----------
    gate : Gate
        The database.
    settings : WatchSettings
        Of the watcher.
    log : path
        Where it writes what it does.
    """

    def __init__(self, gate: Gate, settings: WatchSettings, log: Path) -> None:
        self.gate, self.settings, self.log = gate, settings, log
        self.watch = settings.name
        self.owner = uuid.uuid4().hex

    # -- the watcher itself ----------------------------------------------------------------------
    def sign_in(self) -> None:
        """Say that this watcher runs."""
        host, pid, started = this_process()
        now = time.time()
        with self.gate.write() as connection:
            connection.execute(
                insert(watchers).values(
                    uid=self.owner,
                    name=self.watch,
                    folders=json.dumps(list(self.settings.folders)),
                    settings=self.settings.to_yaml(),
                    log=str(self.log),
                    host=host,
                    pid=pid,
                    pid_started=started,
                    started=now,
                    heartbeat=now,
                    state="running",
                    message="",
                    wish="",
                )
            )

    def beat(self, message: str) -> bool:
        """Say that this watcher lives and what it does; return whether it is asked to stop."""
        own = watchers.c.uid == self.owner
        with self.gate.write() as connection:
            values = {"heartbeat": time.time(), "message": message}
            connection.execute(update(watchers).where(own).values(values))
            return bool(connection.execute(select(watchers.c.wish).where(own)).scalar() == "stop")

    def sign_out(self, message: str) -> None:
        """Say that this watcher has stopped; what it had not finished is free again."""
        with self.gate.write() as connection:
            mine = (claims.c.owner == self.owner) & (claims.c.state == "claimed")
            connection.execute(update(claims).where(mine).values(state="free"))
            connection.execute(
                update(watchers)
                .where(watchers.c.uid == self.owner)
                .values(state="stopped", message=message, heartbeat=time.time())
            )

    # -- movies ----------------------------------------------------------------------------------
    def finished(self) -> dict[str, dict[int, tuple[float, float]]]:
        """Return for each movie and group that is finished its size and when that was."""
        statement = select(claims.c.path, claims.c.part, claims.c.size, claims.c.changed)
        chosen = (claims.c.watch == self.watch) & claims.c.state.in_(FINISHED)
        known: dict[str, dict[int, tuple[float, float]]] = {}
        with self.gate.read() as connection:
            for path, part, size, changed in connection.execute(statement.where(chosen)):
                known.setdefault(path, {})[part] = (size, changed)
        return known

    def take(self, path: Path, part: int, size: int) -> Claim | None:
        """Claim a movie; None where somebody has it, or has done it."""
        try:
            with self.gate.write() as connection:
                return self._take(connection, str(path), part, size)
        except DatabaseError as error:
            if isinstance(error.__cause__, IntegrityError):
                return None  # somebody else was quicker
            raise

    def _take(self, connection: Connection, path: str, part: int, size: int) -> Claim | None:
        where = (claims.c.watch == self.watch) & (claims.c.path == path) & (claims.c.part == part)
        row = connection.execute(select(claims).where(where)).first()
        mine: dict[str, Any] = {
            "owner": self.owner,
            "state": "claimed",
            "size": float(size),
            "changed": time.time(),
        }
        if row is None:
            uid = uuid.uuid4().hex
            rest = {"watch": self.watch, "path": path, "part": part, "steps": "[]", "message": ""}
            made = connection.execute(
                insert(claims).values(**mine, **rest, run_uid=uid, attempts=1)
            )
            return Claim(int(made.inserted_primary_key[0]), path, part, uid, 1)  # type: ignore[index]
        if row.state in FINISHED and row.size == size:
            return None
        if row.state == "claimed" and self._lives(connection, row):
            return None
        again = row.state in (*FINISHED, "again")
        crashed = row.state == "claimed"
        claim = Claim(row.id, path, part, row.run_uid, row.attempts + crashed, again, not again)
        if again:
            claim.attempts = 1
            claim.steps = [(_AGAIN, "")]
        else:
            claim.steps = [(name, file) for name, file in json.loads(row.steps)]
            claim.again = claim.done(_AGAIN) is not None
        if claim.attempts > _MOST_ATTEMPTS:
            mine["state"] = "failed"
            mine["message"] = f"Whoever processed it died {_MOST_ATTEMPTS} times."
        mine |= {"attempts": claim.attempts, "steps": json.dumps(claim.steps)}
        connection.execute(update(claims).where(claims.c.id == row.id).values(mine))
        return None if mine["state"] == "failed" else claim

    def _lives(self, connection: Connection, row: Any) -> bool:
        if row.owner == self.owner:
            return False
        owner = connection.execute(select(watchers).where(watchers.c.uid == row.owner)).first()
        if owner is None or owner.state != "running":
            return False
        return not is_lost(owner.host, owner.pid, owner.pid_started, owner.heartbeat)

    def note(self, claim: Claim, step: str, file: str) -> None:
        """Note that a step is done."""
        claim.steps.append((step, file))
        values = {"steps": json.dumps(claim.steps), "changed": time.time()}
        with self.gate.write() as connection:
            connection.execute(update(claims).where(claims.c.id == claim.id).values(values))

    def finish(self, claim: Claim, state: str, message: str = "") -> None:
        """Note that a movie is ``done``, ``failed``, or was ``known`` before."""
        values = {"state": state, "message": message, "changed": time.time()}
        with self.gate.write() as connection:
            connection.execute(update(claims).where(claims.c.id == claim.id).values(values))

    def release(self, claim: Claim) -> None:
        """Give a claim back: the movie was not finished."""
        with self.gate.write() as connection:
            chosen = (claims.c.id == claim.id) & (claims.c.owner == self.owner)
            connection.execute(update(claims).where(chosen).values(state="free"))

    def forget(self) -> None:
        """Forget what is done, so that all is processed again."""
        with self.gate.write() as connection:
            chosen = (claims.c.watch == self.watch) & claims.c.state.in_(FINISHED)
            connection.execute(update(claims).where(chosen).values(state="again"))

    def is_known(self, result: Path) -> bool:
        """Tell whether the history has a run that wrote this result."""
        with self.gate.read() as connection:
            found = connection.execute(select(runs.c.id).where(runs.c.file == str(result)).limit(1))
            return found.first() is not None
