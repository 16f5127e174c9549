"""One run of the history: its picture, figures and settings, and what can be done with it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QAction, QPixmap
from qtpy.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from limelight.metrics import title_of
from limelight.widgets.dock import button
from limelight.widgets.metrics_table import cell_text, file_name, when_text

if TYPE_CHECKING:
    from limelight.metrics import Rows
    from limelight.widgets.metrics_source import RunPage

__all__ = ["RunDetails"]

_SIDE = 132
_HEIGHT = 190
_GONE = "#ff8589"
_FAINT = "#9a96a5"
_TEXTS = ("id", "kind", "file", "source", "group", "tags", "camera", "started", "duration_s")


class RunDetails(QWidget):
    """Shows a run.

    Signals
    -------
    open_result, open_movie, locate, compare, regroup, forget, report, copy_path, copy_script :
        a button or an entry of the menu was chosen.
    """

    open_result = Signal()
    open_movie = Signal()
    locate = Signal()
    compare = Signal()
    regroup = Signal()
    forget = Signal()
    report = Signal()
    copy_path = Signal()
    copy_script = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.row: dict[str, Any] | None = None
        self.gone = False
        self.picture = QLabel(self)
        self.picture.setObjectName("run_picture")
        self.picture.setFixedSize(QSize(_SIDE, _SIDE))
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.picture.setStyleSheet("background: #0d0c11; color: #9a96a5;")
        self.picture.setToolTip("The picture that was kept when the run was recorded")
        self.text = QLabel(self)
        self.text.setObjectName("run_text")
        self.text.setTextFormat(Qt.TextFormat.RichText)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setWordWrap(True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        scroll = QScrollArea(self)
        scroll.setWidget(self.text)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.open = button(self, "open_result", "Open", "Show the result in napari (double click)")
        self.movie = button(self, "open_movie", "Open movie", "Show what it was made from")
        self.locate_button = button(
            self, "locate", "Locate…", "Tell where the file, or the folder that it is in, is now"
        )
        self.add = button(self, "compare_runs", "Compare", "Put the selected results side by side")
        self.more = button(
            self, "more", "More", "Group and tags, page for the lab book, paths, forget"
        )
        self.actions_: dict[str, QAction] = {}
        self.more.setMenu(self._menu())
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        for widget in (self.open, self.movie, self.locate_button, self.add):
            buttons.addWidget(widget, 1)
        buttons.addWidget(self.more, 1)
        top = QHBoxLayout()
        top.setSpacing(6)
        top.addWidget(self.picture, 0, Qt.AlignmentFlag.AlignTop)
        top.addWidget(scroll, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(top, 1)
        layout.addLayout(buttons)
        self.setFixedHeight(_HEIGHT)
        self.open.clicked.connect(self.open_result)
        self.movie.clicked.connect(self.open_movie)
        self.locate_button.clicked.connect(self.locate)
        self.add.clicked.connect(self.compare)
        self.show_run(None, False)

    def _menu(self) -> QMenu:
        menu = QMenu(self)
        entries = (
            ("Group and tags…", self.regroup, "Give the selected runs a group and tags"),
            ("Page for the lab book", self.report, "Write an HTML page with all that is known"),
            ("Copy path", self.copy_path, "Copy the paths of the selected runs"),
            ("Copy as Python", self.copy_script, "Copy the script that repeats this query"),
            ("Forget…", self.forget, "Take the selected runs out of the history; files stay"),
        )
        for title, signal, tip in entries:
            action = QAction(title, menu)
            action.setToolTip(tip)
            action.triggered.connect(signal)
            menu.addAction(action)
            self.actions_[title] = action
        menu.setToolTipsVisible(True)
        return menu

    def show_run(self, row: dict[str, Any] | None, gone: bool, selected: int = 1) -> None:
        """Show a run's row; picture and settings follow with `show_page`.

        Parameters
        ----------
        row : dict, optional
            As `Rows.row` returns.
        gone : bool
            Whether its file is missing.
        selected : int
            How many runs are selected.
        """
        same = row is not None and self.row is not None and row["id"] == self.row["id"]
        self.row, self.gone = row, gone
        there = row is not None
        file = str(row["file"] or "") if row is not None else ""
        source = str(row["source"] or "") if row is not None else ""
        self.open.setEnabled(bool(file) and not gone)
        self.open.setToolTip(
            "The file is not there: use Locate…" if gone else "Show the result in napari"
        )
        self.movie.setEnabled(bool(source))
        self.movie.setToolTip(f"Show what it was made from: {source}" if source else "Not known")
        self.locate_button.setEnabled(bool(file or source))
        self.add.setEnabled(bool(file))
        self.add.setText(f"Compare {selected}" if selected > 1 else "Compare")
        self.more.setEnabled(there)
        if not same:
            self.picture.setPixmap(QPixmap())
            self.picture.setText("" if there else "No run chosen")
            self._extra = ""
        self._write()

    def show_page(self, page: RunPage) -> None:
        """Show picture and settings of the run, if it is still the one that is shown."""
        if self.row is None or page.run != self.row["id"]:
            return
        pixmap = QPixmap()
        if page.png is not None and pixmap.loadFromData(page.png):
            ratio = self.devicePixelRatioF()
            pixmap = pixmap.scaled(
                int(_SIDE * ratio),
                int(_SIDE * ratio),
                Qt.AspectRatioMode.KeepAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            pixmap.setDevicePixelRatio(ratio)
            self.picture.setPixmap(pixmap)
        else:
            self.picture.setPixmap(QPixmap())
            self.picture.setText("No picture")
        told = page.details
        lines = []
        others = {k: v for k, v in told.figures.items() if k not in self.row and v is not None}
        if others:
            lines.append(_pairs({title_of(k).name: cell_text(k, v) for k, v in others.items()}))
        for title, values in (("Settings", told.settings), ("Camera", told.camera)):
            known = {k: str(v) for k, v in values.items() if v not in (None, "", [], {})}
            if known:
                lines.append(f"<b>{title}</b> {_pairs(known)}")
        lines += [
            f"<b>{escape(title_of(k).name)}</b>: {escape(v)}" for k, v in told.notes.items() if v
        ]
        self._extra = "".join(f"<p style='margin:4px 0 0 0'>{line}</p>" for line in lines)
        self._write()

    def _write(self) -> None:
        row = self.row
        if row is None:
            self.text.setText(
                f"<span style='color:{_FAINT}'>Click a row or a point to see the run.</span>"
            )
            return
        name = file_name(row["file"] or row["source"]) or f"Run {row['id']}"
        words = [
            str(row["kind"]),
            when_text(row["started"]),
            *(str(row[k]).strip() for k in ("group", "tags", "camera") if str(row[k]).strip()),
        ]
        figures = {
            title_of(k).name: f"{cell_text(k, v)} {title_of(k).unit}".rstrip()
            for k, v in row.items()
            if k not in _TEXTS and v is not None and np.isfinite(v)
        }
        missing = (
            f"<div style='color:{_GONE}'>Not there: {escape(str(row['file']))}</div>"
            if self.gone
            else ""
        )
        self.text.setText(
            f"<b>{escape(name)}</b><div style='color:{_FAINT}'>{escape(' · '.join(words))}</div>"
            f"{missing}<p style='margin:4px 0 0 0'>{_pairs(figures)}</p>{self._extra}"
        )
        self.text.setToolTip(f"{row['file'] or ''}\n{row['source'] or ''}".strip())


def _pairs(values: dict[str, str]) -> str:
    """Return names and values in one flowing line; a pair is not torn apart."""
    return " · ".join(
        f"<span style='color:{_FAINT}'>{escape(k)}</span>&nbsp;{escape(v)}"
        for k, v in values.items()
    )


def run_name(rows: Rows, row: int) -> str:
    """Return what to call a run."""
    return file_name(rows["file"][row] or rows["source"][row]) or f"run {int(rows['id'][row])}"
