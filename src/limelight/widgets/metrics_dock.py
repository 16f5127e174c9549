"""The Metrics dock: every measurement remembered, compared, watched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Layer
from qtpy.QtWidgets import (
    QDialog,
    QFileDialog,
    QInputDialog,
    QLineEdit,
    QMessageBox,
    QTabWidget,
    QWidget,
)

from limelight.core.errors import LimelightError
from limelight.metrics import (
    WatchSettings,
    add_files_job,
    choose_database,
    import_picasso,
    picasso_database,
)
from limelight.widgets.dock import Dock, say
from limelight.widgets.layers import Placement, add_molecules, show_picture
from limelight.widgets.metrics_compare import ComparePanel
from limelight.widgets.metrics_details import run_name
from limelight.widgets.metrics_dialogs import GroupDialog, LocateDialog
from limelight.widgets.metrics_history import HistoryPanel
from limelight.widgets.metrics_jobs import lab_book_job, one_step_job, query_script
from limelight.widgets.metrics_preview import PreviewPanel
from limelight.widgets.metrics_source import HistorySource
from limelight.widgets.metrics_status import RUNNING, StatusPanel, settings_of, start_watcher
from limelight.widgets.metrics_watch import WatchDialog
from limelight.widgets.molecules_jobs import Opened, open_job
from limelight.widgets.reader import get_reader

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from qtpy.QtGui import QHideEvent, QShowEvent

    from limelight.metrics import Added, Database, Status
    from limelight.widgets.worker import Outcome

__all__ = ["MetricsDock"]

_TABS = ("Status", "History", "Compare", "Preview")
_SETTINGS = "SQLite databases (*.sqlite *.db);;All files (*)"


class MetricsDock(Dock):
    """Look at the history of all runs, compare results, watch folders.

    Parameters
    ----------
    napari_viewer : Viewer
        Where results and movies are shown.
    """

    name = "metrics"

    def __init__(self, napari_viewer: ViewerModel) -> None:
        super().__init__(napari_viewer)
        self.source = HistorySource(self)
        self.status = StatusPanel(self)
        self.history = HistoryPanel(self.source, self)
        self.compare = ComparePanel(self)
        self.preview = PreviewPanel(self.source, self)
        self.tabs = QTabWidget(self)
        self.tabs.setObjectName("views")
        tips = (
            "The database, adding results that exist, watchers and their logs",
            "All runs: as a table, over time, day by day, under control",
            "Results side by side",
            "Pictures of the runs, newest first",
        )
        panels: tuple[QWidget, ...] = (self.status, self.history, self.compare, self.preview)
        for title, tip, panel in zip(_TABS, tips, panels, strict=True):
            self.tabs.setTabToolTip(self.tabs.addTab(panel, title), tip)
        self.bar.pause.hide()
        self.bar.cancel.setToolTip("End it; what was added so far stays")
        self.arrange(self.tabs, self.message, self.bar, stretch=0)
        self._watch_values = self.memory.get("watch")
        self._restore()
        self._connect()
        self.source.use(self.memory.get("database") or None)

    def _restore(self) -> None:
        memory = self.memory
        for name, panel in (
            ("history", self.history), ("compare", self.compare), ("preview", self.preview),
        ):  # fmt: skip
            if isinstance(values := memory.get(name), dict):
                panel.restore(values)
        self.preview.filters.restore(self.history.filters.state())
        if isinstance(status := memory.get("status"), dict):
            self.status.quality.setChecked(bool(status.get("quality", True)))
            self.status.group.setText(str(status.get("group") or ""))
        tab = memory.get("tab")
        self.tabs.setCurrentIndex(_TABS.index(tab) if tab in _TABS else 1)

    def _connect(self) -> None:
        source, status, history = self.source, self.status, self.history
        self._listeners.at_end(source.finish)
        self._listeners.at_end(lambda: self.preview.mailbox.close(0.0))
        self._listeners.at_end(lambda: self.compare.mailbox.close(0.0))
        self.runner.finished.connect(self._on_finished)
        source.failed.connect(self._on_problem)
        source.status_changed.connect(self._on_status)
        source.rows_changed.connect(self._on_rows)
        history.shown_changed.connect(self._on_shown)
        history.open_run.connect(self.open_run)
        history.told.connect(self.message.tell)
        history.filters.changed.connect(
            lambda: self.preview.filters.restore(history.filters.state())
        )
        self.preview.filters.changed.connect(self._on_preview_filter)
        self.preview.run_chosen.connect(self._on_preview)
        self.preview.open_run.connect(self.open_run)
        for panel in (history, self.compare, self.preview):
            panel.changed.connect(self.remember_soon)
        self.tabs.currentChanged.connect(self._on_tab)
        details = history.details
        details.open_result.connect(lambda: self._with_run(self.open_run))
        details.open_movie.connect(lambda: self._with_run(self.open_movie))
        details.locate.connect(lambda: self._with_run(self._on_locate))
        details.compare.connect(self.compare_selected)
        details.regroup.connect(self._on_regroup)
        details.report.connect(lambda: self._with_run(self.write_page))
        details.copy_path.connect(self._on_copy_path)
        details.copy_script.connect(self.copy_script)
        details.forget.connect(self._on_forget)
        self.compare.job_wanted.connect(self._on_compare_job)
        self.compare.show_wanted.connect(self.open_table)
        self.compare.told.connect(self.message.tell)
        status.choose_file.connect(self._on_choose_file)
        status.choose_new.connect(self._on_choose_new)
        status.choose_url.connect(self._on_choose_url)
        status.choose_own.connect(lambda: self.use(None))
        status.record_here.connect(self._on_record_here)
        status.add_waiting.connect(self.add_waiting)
        status.add_folder.connect(self._on_add_folder)
        status.add_files.connect(self._on_add_files)
        status.import_picasso.connect(self._on_import)
        status.quality.toggled.connect(self.remember_soon)
        status.group.editingFinished.connect(self.remember_soon)
        status.watch.connect(self._on_watch)
        status.watch_again.connect(self._on_watch_again)
        status.stop.connect(self._on_stop)

    # -- the database ---------------------------------------------------------------------------
    @property
    def database(self) -> Database | None:
        """The database that is shown."""
        return self.source.database

    def use(self, place: str | Path | None) -> None:
        """Show another database; None is the one that runs are kept in."""
        self.preview.forget()
        self.memory["database"] = None if place is None else str(place)
        self.source.use(place)
        self.remember_soon()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Follow the database while the dock is seen."""
        super().showEvent(event)
        self.source.follow(True)
        self._on_tab()

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Leave the database alone while the dock is hidden."""
        self.source.follow(False)
        self.status.follow(False)
        super().hideEvent(event)

    def _on_tab(self, *_: object) -> None:
        if not self.source.problem and not self.runner.running:
            self.message.tell("")  # it was about another view
        self.status.follow(self.tabs.currentIndex() == 0 and self.isVisible())
        self.remember_soon()

    def _on_problem(self, problem: str) -> None:
        self.message.tell(problem, error=True)
        if problem and self.database is None:
            self.status.state_label.setText(problem)
            self.status.place.setText("none")

    def _on_status(self, status: Status) -> None:
        if self.database is not None:
            self.status.show_place(self.database.url, self.database.path)
        self.status.show_status(status, not self.runner.running)

    def _on_rows(self) -> None:
        self.preview.filters.show_choices(self.history.filters.choices)
        if not len(self.source.rows) and self.database is not None and not self.source.problem:
            if self.source.status is not None:
                self.message.tell(
                    "No runs yet. Every run is added by itself; add older results under Status."
                )
        elif self.message.text().startswith("No runs yet"):
            self.message.tell("")

    def _on_shown(self) -> None:
        self.preview.show_runs(self.source.rows, self.history.shown)

    def _on_preview_filter(self) -> None:
        self.history.filters.restore(self.preview.filters.state())
        self.history.refilter()
        self.remember_soon()

    def _on_preview(self, row: int) -> None:
        self.history.table.go_to(row)
        self.history.choose_row(row)
        self.message.tell(f"{run_name(self.source.rows, row)}: double click opens it.")

    def _on_choose_file(self) -> None:
        name = self.ask_file("Open a database", _SETTINGS)
        if name:
            self.use(name)

    def _on_choose_new(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "New database", "metrics.sqlite", _SETTINGS,
            options=QFileDialog.Option.DontConfirmOverwrite,
        )  # fmt: skip
        if name:
            self.use(name)

    def _on_choose_url(self) -> None:
        text, ok = QInputDialog.getText(
            self,
            "Database on a server",
            "SQLAlchemy URL, such as postgresql+psycopg://user:password@lab/limelight",
            QLineEdit.EchoMode.Normal,
            "postgresql+psycopg://",
        )
        if ok and text.strip():
            self.use(text.strip())

    def _on_record_here(self, on: bool) -> None:
        database = self.database
        if database is None or not on:
            return
        try:
            choose_database(database.url)
        except LimelightError as error:
            self.message.tell(str(error), error=True)
            return
        from limelight.metrics.places import database_url

        if database_url() == database.url:
            self.message.tell(f"Runs are kept in {database.path or 'this database'} from now on.")
        else:
            self.message.tell(
                "The environment variable LIMELIGHT_DB names another database, which takes "
                "precedence.",
                error=True,
            )
        self.status.show_place(database.url, database.path)

    # -- jobs -----------------------------------------------------------------------------------
    def enable_jobs(self, on: bool) -> None:
        """Enable what starts jobs."""
        self.status.enable_jobs(on)
        self.compare.enable_jobs(on)

    def _on_finished(self, outcome: Outcome) -> None:
        self.deliver_job(outcome)
        if outcome.state != "done":
            self.compare.give_up()
        if outcome.state == "cancelled":
            self.message.tell("Cancelled; what was done so far stays.")
        self.source.look()

    def _change(self, title: str, function: Any, told: str) -> None:
        """Change the database off the main thread."""
        if not self.start_job(one_step_job(title, function), lambda _: told, title):
            self.message.tell("Something is under way; wait until it is done.", error=True)

    def _on_compare_job(self, job: Any, deliver: Any) -> None:
        self.start_job(job, deliver, "Reading…")

    def add_waiting(self) -> None:
        """Add the rows that wait in the journal."""
        database = self.database
        if database is not None:
            self.start_job(
                one_step_job("Adding the rows that wait", database.drain),
                lambda count: f"{count:,} rows were added.",
                "Adding…",
            )

    def add_results(self, paths: list[str]) -> None:
        """Add results that exist: files and folders."""
        database = self.database
        if database is None or not paths:
            return
        self.remember()
        job = add_files_job(
            paths,
            database,
            quality=self.status.quality.isChecked(),
            group=str(self.status.group.text()).strip(),
        )
        self.start_job(job, self._on_added, "Looking for results…")

    def _on_added(self, added: Added) -> str:
        words = [f"{len(added.added):,} added"]
        if added.known:
            words.append(f"{len(added.known):,} known before")
        if added.failed:
            path, why = added.failed[0]
            more = f" (and {len(added.failed) - 1:,} more)" if len(added.failed) > 1 else ""
            words.append(f"{len(added.failed):,} failed: {path.name}: {why}{more}")
        return ", ".join(words) + ("." if not words[-1].endswith(".") else "")

    def _on_add_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Folder with results")
        if name:
            self.add_results([name])

    def _on_add_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Results to add")
        self.add_results(names)

    def _on_import(self) -> None:
        usual = picasso_database()
        name = str(usual) if usual.is_file() else self.ask_file("Picasso's database", "*.db;;* (*)")
        database = self.database
        if name and database is not None:
            self.start_job(
                one_step_job("Importing", lambda: import_picasso(database, name)),
                lambda count: f"{count:,} runs of Picasso were read from {name}.",
                "Importing…",
            )

    # -- runs -----------------------------------------------------------------------------------
    def _with_run(self, function: Any) -> None:
        if self.history.row is not None:
            function(self.history.row)

    def _text(self, row: int, column: str) -> str:
        return str(self.source.rows[column][row] or "")

    def open_run(self, row: int) -> None:
        """Show a run's file in the viewer."""
        path = self._text(row, "file")
        if not path:
            self.open_movie(row)
        elif not Path(path).exists():
            self.message.tell(f"{path} is not there. Press Locate… to tell where it is.", True)
        else:
            self.open_path(path)

    def open_movie(self, row: int) -> None:
        """Show in the viewer what a run was made from."""
        path = self._text(row, "source")
        if not path:
            self.message.tell("It is not known what this run was made from.", error=True)
        elif not Path(path).exists():
            self.message.tell(f"{path} is not there. Press Locate… to tell where it is.", True)
        else:
            self.open_path(path)

    def open_path(self, path: str) -> None:
        """Show a file: a table as picture and molecules, anything else as napari reads it."""
        from limelight.io import is_table

        try:
            table = Path(path).is_file() and is_table(path)
        except (LimelightError, OSError) as error:
            self.message.tell(say(error), error=True)
            return
        if table:
            self.open_table(path)
            return
        try:
            read = get_reader(path)
            if read is None:  # another plugin's, such as the picture of a page
                added = list(self.viewer.open(path))
            else:
                layers = [Layer.create(*one) for one in read(path) if one[0] is not None]
                added = [self.viewer.add_layer(layer) for layer in layers]
        except Exception as error:  # readers raise what they like; it is told
            self.message.tell(f"{path} cannot be shown: {say(error)}", error=True)
        else:
            names = ", ".join(str(layer.name) for layer in added)
            self.message.tell(f"{Path(path).name}: {names or 'nothing to show'}.")

    def open_table(self, path: str) -> None:
        """Read a table and show it as a picture and as molecules."""
        self.start_job(
            open_job(path, draw=True), lambda opened: self._on_opened(opened, path), "Reading…"
        )

    def _on_opened(self, opened: Opened, path: str) -> str:
        um = opened.locs.pixel_size_nm / 1000
        placement = Placement((um, um), (0.0, 0.0), ("um", "um"))
        if opened.picture is not None:
            show_picture(
                self.viewer,
                opened.picture,
                placement,
                opened.locs.pixel_size_nm,
                name=f"{opened.name} super-resolution",
                locs=opened.locs,
            )
        layer = add_molecules(self.viewer, opened.locs, placement, name=f"{opened.name} molecules")
        layer.metadata["path"] = path
        return f"{opened.name}: {len(opened.locs):,} molecules."

    def _on_locate(self, row: int) -> None:
        file, source = self._text(row, "file"), self._text(row, "source")
        missing = file if file and not Path(file).exists() else source
        if not missing or Path(missing).exists():
            missing = file or source
        dialog = LocateDialog(self.source.rows, missing, self)
        if dialog.exec() == QDialog.DialogCode.Accepted:
            self.relocate(*dialog.answer())

    def relocate(self, old: str, new: str) -> None:
        """Tell the database that a file, or a folder with all in it, is elsewhere."""
        database = self.database
        if database is not None:
            self.start_job(
                one_step_job("Changing paths", lambda: database.relocate(old, new)),
                lambda count: f"{count:,} {'run' if count == 1 else 'runs'} changed.",
                "Changing paths…",
            )

    def compare_selected(self) -> None:
        """Put the selected results side by side."""
        paths = [self._text(row, "file") for row in self.history.selected()]
        self.compare.add_paths([p for p in paths if p])
        self.tabs.setCurrentWidget(self.compare)
        if len(self.compare.paths) > 1:
            self.compare.compare()

    def _selected_ids(self) -> list[int]:
        return [int(self.source.rows["id"][row]) for row in self.history.selected()]

    def _on_regroup(self) -> None:
        ids, row, database = self._selected_ids(), self.history.row, self.database
        if row is None or database is None:
            return
        dialog = GroupDialog(len(ids), self._text(row, "group"), self._text(row, "tags"), self)
        if dialog.exec() == QDialog.DialogCode.Accepted:
            group, tags = dialog.answer()
            told = f"{len(ids):,} {'run' if len(ids) == 1 else 'runs'} changed."
            self._change("Changing", lambda: database.regroup(ids, group, tags), told)

    def _on_forget(self) -> None:
        ids, database = self._selected_ids(), self.database
        if not ids or database is None:
            return
        runs = "this run" if len(ids) == 1 else f"these {len(ids):,} runs"
        answer = QMessageBox.question(
            self,
            "Forget runs",
            f"Take {runs} out of the history? The files stay where they are; figures and picture "
            "are lost.",
        )
        if answer == QMessageBox.StandardButton.Yes:
            self._change("Forgetting", lambda: database.remove(ids), f"{len(ids):,} forgotten.")

    def write_page(self, row: int) -> None:
        """Write the page of a run for the lab book, beside its table."""
        path, database = self._text(row, "file"), self.database
        if not path or database is None:
            self.message.tell("This run has no file that a page could be written of.", error=True)
            return
        self.start_job(
            lab_book_job(database, self.source.rows.row(row)),
            lambda page: f"The page is {page}.",
            "Measuring…",
        )

    def _on_copy_path(self) -> None:
        rows = self.history.selected()
        paths = [self._text(r, "file") or self._text(r, "source") for r in rows]
        self.copy_text("\n".join(p for p in paths if p), "The path")

    def copy_script(self) -> None:
        """Copy the script that asks for the runs that are shown."""
        database = self.database
        if database is not None:
            place = str(database.path or database.url)
            wanted, columns = self.history.filters.filter(), self.history.table.model_.columns
            self.copy_text(query_script(place, wanted, columns))

    # -- watchers -------------------------------------------------------------------------------
    def _on_watch(self) -> None:
        dialog = WatchDialog(parent=self)
        if isinstance(self._watch_values, dict):
            try:
                dialog.show_settings(_watch_settings(self._watch_values))
            except (LimelightError, TypeError, ValueError):
                pass  # a folder that is gone is chosen anew
        if dialog.exec() == QDialog.DialogCode.Accepted and dialog.settings is not None:
            self.watch(dialog.settings)

    def watch(self, settings: WatchSettings) -> None:
        """Start a watcher in this napari."""
        database = self.database
        if database is None:
            self.message.tell("A watcher needs a database: choose one.", error=True)
            return
        try:
            start_watcher(settings, type(database)(database.url))
        except LimelightError as error:
            self.message.tell(str(error), error=True)
            return
        self._watch_values = {"yaml": settings.to_yaml()}
        self.remember_soon()
        self.message.tell(f"Watches {', '.join(settings.folders)} as {settings.name}.")
        self.source.look()

    def _on_watch_again(self) -> None:
        state = self.status.chosen_watcher()
        if state is None:
            return
        try:
            self.watch(settings_of(state))
        except LimelightError as error:
            self.message.tell(str(error), error=True)

    def _on_stop(self) -> None:
        state, database = self.status.chosen_watcher(), self.database
        if state is None or database is None:
            return
        own = RUNNING.get(state.name)
        if own is not None and own.running:
            self._change("Stopping", lambda: own.stop(30.0), f"{state.name} has stopped.")
        else:
            told = f"{state.name} was asked to stop; it does so after its movie."
            self._change("Asking to stop", lambda: database.ask_to_stop(state.uid), told)

    # -- memory ---------------------------------------------------------------------------------
    def state(self) -> dict[str, Any]:
        """Return what is worth remembering."""
        place = self.memory.get("database")
        return {
            "database": None if place is None or "@" in str(place) else place,
            "tab": _TABS[self.tabs.currentIndex()],
            "history": self.history.state(),
            "compare": self.compare.state(),
            "preview": self.preview.state(),
            "status": self.status.as_dict(),
            "watch": self._watch_values,
        }


def _watch_settings(values: dict[str, Any]) -> WatchSettings:
    import yaml

    lists = yaml.safe_load(str(values.get("yaml", ""))) or {}
    return WatchSettings(**{k: tuple(v) if isinstance(v, list) else v for k, v in lists.items()})
