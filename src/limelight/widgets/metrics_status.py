"""The Status view of the Metrics dock: the database, adding what is there, watchers and logs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSignalBlocker, Qt, QTimer, Signal
from qtpy.QtGui import QColor, QFontDatabase
from qtpy.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QCheckBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QSizePolicy,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from limelight.metrics import Watcher
from limelight.metrics.places import database_url
from limelight.metrics.watcher import WatchLog
from limelight.widgets.controls import Section
from limelight.widgets.dock import button

if TYPE_CHECKING:
    from limelight.metrics import Database, Status, WatcherState, WatchSettings

__all__ = ["RUNNING", "StatusPanel", "start_watcher", "stop_watchers"]

_LOG_MS = 700
_LINES = 400
_COLOURS = {"running": "#3fb68b", "lost": "#ff8589", "stopped": "#9a96a5"}

RUNNING: dict[str, Watcher] = {}
"""Watchers of this napari by their name; they go on when the dock is closed."""


def start_watcher(settings: WatchSettings, database: Database) -> Watcher:
    """Start a watcher in this napari, which stops when napari ends.

    Raises
    ------
    LimelightError
        If one of that name runs here already.
    """
    from limelight.core.errors import ParameterError

    known = RUNNING.get(settings.name)
    if known is not None and known.running:
        raise ParameterError(f"The watcher {settings.name!r} runs already. Stop it first.")
    watcher = Watcher(settings, database)
    watcher.start()
    application = QApplication.instance()
    if application is not None and not RUNNING:
        application.aboutToQuit.connect(stop_watchers)
    RUNNING[settings.name] = watcher
    return watcher


def stop_watchers() -> None:
    """Stop all watchers of this napari; what they were at is begun anew next time."""
    for watcher in RUNNING.values():
        watcher.stop(2.0)
    RUNNING.clear()


class StatusPanel(QWidget):
    """Shows how things are.

    Signals
    -------
    choose_file, choose_new, choose_url, choose_own : another database was asked for.
    record_here : bool
        Whether runs are to be kept in the database that is shown.
    add_waiting, add_folder, add_files, import_picasso : an action was asked for.
    watch, watch_again, stop : of watchers.
    """

    choose_file = Signal()
    choose_new = Signal()
    choose_url = Signal()
    choose_own = Signal()
    record_here = Signal(bool)
    add_waiting = Signal()
    add_folder = Signal()
    add_files = Signal()
    import_picasso = Signal()
    watch = Signal()
    watch_again = Signal()
    stop = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.status: Status | None = None
        self._states: list[WatcherState] = []
        self._shown_log: tuple[str, ...] = ()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(2)
        for section in (self._database_section(), self._adding_section()):
            layout.addWidget(section)
        layout.addWidget(self._watcher_section(), 1)
        self._timer = QTimer(self)
        self._timer.setInterval(_LOG_MS)
        self._timer.timeout.connect(self.show_log)
        self.tree.itemSelectionChanged.connect(self._on_watcher)
        self._on_watcher()

    # -- what is there --------------------------------------------------------------------------
    def _database_section(self) -> Section:
        section = Section("Database", self)
        self.place = QLineEdit(self)
        self.place.setObjectName("place")
        self.place.setReadOnly(True)
        self.place.setToolTip("Where the database is")
        self.choose = button(self, "choose_database", "Choose", "Look at another database")
        menu = QMenu(self.choose)
        for title, signal in (
            ("Open a file…", self.choose_file),
            ("New file…", self.choose_new),
            ("Server (URL)…", self.choose_url),
            ("The one that runs are kept in", self.choose_own),
        ):
            action = menu.addAction(title)
            if action is not None:
                action.triggered.connect(signal)
        self.choose.setMenu(menu)
        row = QHBoxLayout()
        row.addWidget(self.place, 1)
        row.addWidget(self.choose)
        self.state_label = QLabel("Looking…", self)
        self.state_label.setObjectName("state")
        self.state_label.setTextFormat(Qt.TextFormat.RichText)
        self.state_label.setWordWrap(True)
        self.state_label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.here = QCheckBox("Keep runs here", self)
        self.here.setObjectName("record_here")
        self.here.setToolTip(
            "All programs of yours keep their runs in this database from now on.\n"
            "The environment variable LIMELIGHT_DB takes precedence."
        )
        self.here.clicked.connect(self.record_here)
        self.drain = button(
            self, "add_waiting", "Add waiting rows", "Try again to add the rows that wait"
        )
        self.drain.clicked.connect(self.add_waiting)
        low = QHBoxLayout()
        low.addWidget(self.here, 1)
        low.addWidget(self.drain)
        section.body.addLayout(row)
        section.body.addWidget(self.state_label)
        section.body.addLayout(low)
        return section

    def _adding_section(self) -> Section:
        section = Section("Add results that exist", self)
        self.folder = button(
            self,
            "add_folder",
            "Folder…",
            "Add all tables (_locs.hdf5) of a folder and its subfolders; known ones are left out",
        )
        self.files = button(self, "add_files", "Files…", "Add tables of any format")
        self.picasso = button(
            self, "import_picasso", "Picasso's…", "Add what Picasso Server remembers"
        )
        self.quality = QCheckBox("Measure quality", self)
        self.quality.setObjectName("measure_quality")
        self.quality.setChecked(True)
        self.quality.setToolTip(
            "Precision, resolution, drift, bright time: takes some seconds each"
        )
        self.group = QLineEdit(self)
        self.group.setObjectName("add_group")
        self.group.setPlaceholderText("Group (optional)")
        self.group.setToolTip("Experiment, person or project under which they are kept")
        row = QHBoxLayout()
        for widget in (self.folder, self.files, self.picasso):
            row.addWidget(widget, 1)
        low = QHBoxLayout()
        low.addWidget(self.group, 1)
        low.addWidget(self.quality)
        section.body.addLayout(row)
        section.body.addLayout(low)
        self.folder.clicked.connect(self.add_folder)
        self.files.clicked.connect(self.add_files)
        self.picasso.clicked.connect(self.import_picasso)
        return section

    def _watcher_section(self) -> Section:
        section = Section("Watchers", self)
        self.tree = QTreeWidget(self)
        self.tree.setObjectName("watchers")
        self.tree.setToolTip("Watchers of all programs that use this database")
        self.tree.setHeaderLabels(["Name", "State", "What it does"])
        self.tree.setRootIsDecorated(False)
        self.tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.tree.setFixedHeight(92)
        header = self.tree.header()
        if header is not None:
            header.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
            header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.start = button(self, "watch", "Watch a folder…", "Process movies as they come")
        self.again = button(
            self, "watch_again", "Start again", "Start the chosen watcher with its settings"
        )
        self.end = button(self, "stop_watcher", "Stop", "Stop the chosen watcher, wherever it runs")
        row = QHBoxLayout()
        row.addWidget(self.start, 2)
        row.addWidget(self.again, 1)
        row.addWidget(self.end, 1)
        self.log = QPlainTextEdit(self)
        self.log.setObjectName("log")
        self.log.setReadOnly(True)
        self.log.setMaximumBlockCount(_LINES)
        self.log.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        font.setPointSizeF(max(font.pointSizeF() - 1, 7))
        self.log.setFont(font)
        self.log.setPlaceholderText("Choose a watcher to see its log")
        self.log.setToolTip("The end of the watcher's log; it follows while it is at the end")
        self.log.setMinimumHeight(70)
        self.log.setStyleSheet("QPlainTextEdit { background: rgba(255, 255, 255, 10); }")
        self.log.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.log_place = QLabel("", self)
        self.log_place.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.log_place.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        section.body.addWidget(self.tree)
        section.body.addLayout(row)
        section.body.addWidget(self.log, 1)
        section.body.addWidget(self.log_place)
        self.start.clicked.connect(self.watch)
        self.again.clicked.connect(self.watch_again)
        self.end.clicked.connect(self.stop)
        return section

    def enable_jobs(self, on: bool) -> None:
        """Let jobs be started, or not."""
        for widget in (self.folder, self.files, self.picasso):
            widget.setEnabled(on)
        waiting = self.status is not None and self.status.waiting > 0
        self.drain.setEnabled(on and waiting)

    # -- the database ---------------------------------------------------------------------------
    def show_place(self, url: str, path: Path | None) -> None:
        """Show where the database is."""
        text = str(path) if path is not None else url
        if self.place.text() != text:
            self.place.setText(text)
            self.place.setCursorPosition(0)
        self.place.setToolTip(f"Where the database is:\n{text}")
        own = database_url() == url
        with QSignalBlocker(self.here):
            self.here.setChecked(own)
        self.here.setEnabled(not own)

    def show_status(self, status: Status, idle: bool) -> None:
        """Show how the database is."""
        self.status = status
        lines = []
        if status.problem:
            lines.append(f"<span style='color:#ff8589'>{_html(status.problem)}</span>")
        else:
            kinds = ", ".join(f"{n:,} {k}" for k, n in sorted(status.kinds.items()))
            size = f" · {_size(status.size_bytes)}" if status.size_bytes else ""
            lines.append(
                f"<span style='color:#3fb68b'>All is well.</span> <b>{status.runs:,} runs</b>{size}"
            )
            if kinds:
                lines.append(_html(kinds))
        if status.waiting:
            lines.append(
                f"<span style='color:#ffb224'>{status.waiting:,} "
                f"{'row waits' if status.waiting == 1 else 'rows wait'}</span> in "
                f"{_html(str(status.journal))}"
            )
        version = "" if status.version is None else f" · tables of version {status.version}"
        lines.append(f"<span style='color:#9a96a5'>{_html(status.software)}{version}</span>")
        self.state_label.setText("<br>".join(lines))
        self.drain.setVisible(status.waiting > 0)
        self.drain.setEnabled(idle)
        self._show_watchers(status.watchers)

    # -- watchers -------------------------------------------------------------------------------
    def _show_watchers(self, states: list[WatcherState]) -> None:
        chosen = self.chosen_watcher()
        self._states = states
        with QSignalBlocker(self.tree):
            self.tree.clear()
            for state in states:
                item = QTreeWidgetItem([state.name, state.state, _last_line(state)])
                item.setForeground(1, QColor(_COLOURS.get(state.state, "#9a96a5")))
                where = "this napari" if state.name in RUNNING else f"{state.host}, {state.pid}"
                begun = time.strftime("%Y-%m-%d %H:%M", time.localtime(state.started))
                tip = "\n".join(
                    (*state.folders, f"Started {begun}, in {where}", state.message, str(state.log))
                )
                for k in range(3):
                    item.setToolTip(k, tip)
                self.tree.addTopLevelItem(item)
            names = [s.name for s in states]
            at = names.index(chosen.name) if chosen and chosen.name in names else 0
            if states:
                self.tree.setCurrentItem(self.tree.topLevelItem(at))
        self._on_watcher()

    def chosen_watcher(self) -> WatcherState | None:
        """Return the watcher that is chosen."""
        item = self.tree.currentItem()
        index = self.tree.indexOfTopLevelItem(item) if item is not None else -1
        return self._states[index] if 0 <= index < len(self._states) else None

    def _on_watcher(self) -> None:
        state = self.chosen_watcher()
        runs = state is not None and state.state == "running"
        self.end.setEnabled(runs)
        self.again.setEnabled(state is not None and not runs)
        self.show_log()

    def show_log(self) -> None:
        """Show the end of the log of the chosen watcher; stay where a person has scrolled to."""
        state = self.chosen_watcher()
        lines = _log_of(state) if state is not None else []
        self.log_place.setText(f"Log: {state.log}" if state is not None else "")
        self.log_place.setToolTip(str(state.log) if state is not None else "")
        if tuple(lines) == self._shown_log:
            return
        self._shown_log = tuple(lines)
        bar = self.log.verticalScrollBar()
        assert bar is not None
        place, at_end = bar.value(), bar.value() >= bar.maximum() - 1
        self.log.setPlainText("\n".join(lines))
        bar.setValue(bar.maximum() if at_end else place)

    def follow(self, on: bool) -> None:
        """Follow the log, or not."""
        if on:
            self._timer.start()
        else:
            self._timer.stop()

    def as_dict(self) -> dict[str, Any]:
        """Return what is worth remembering."""
        return {"quality": bool(self.quality.isChecked()), "group": str(self.group.text())}


def _log_of(state: WatcherState) -> list[str]:
    path = Path(state.log)
    return WatchLog(path).lines(_LINES) if path.parent.is_dir() else []


def _last_line(state: WatcherState) -> str:
    return " ".join(state.message.split())


def _html(text: str) -> str:
    from html import escape

    return escape(text)


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.3g} {unit}"


def settings_of(state: WatcherState) -> WatchSettings:
    """Return the settings with which a watcher was started.

    Raises
    ------
    LimelightError
        If they are of no use any more: a folder is gone.
    """
    import yaml

    from limelight.core.errors import ParameterError
    from limelight.metrics import WatchSettings as Made

    try:
        values = yaml.safe_load(state.settings) or {}
        lists = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return Made(**lists)
    except (yaml.YAMLError, TypeError, AttributeError) as error:
        raise ParameterError(f"The settings of {state.name} cannot be read: {error}.") from error
