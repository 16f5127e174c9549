"""Which runs of the history are shown: file name, kind, group, camera, tag, date."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QDate, QSignalBlocker, QTimer, Signal
from qtpy.QtWidgets import QDateEdit, QGridLayout, QHBoxLayout, QLineEdit, QWidget

from limelight.metrics import Filter
from limelight.widgets.controls import ChoiceBox
from limelight.widgets.dock import button

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from limelight.metrics import Rows

__all__ = ["FilterBar"]

_WAIT_MS = 60  # so long after the last letter the rows are filtered
_WHEN = (
    ("Any date", None),
    ("Today", 0),
    ("7 days", 7),
    ("30 days", 30),
    ("1 year", 365),
    ("Dates…", -1),
)


class FilterBar(QWidget):
    """Controls of a filter.

    Signals
    -------
    changed : the filter is another one.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.choices: dict[str, set[str]] = {}
        self.text = QLineEdit(self)
        self.text.setObjectName("filter_text")
        self.text.setPlaceholderText("File or folder name…")
        self.text.setClearButtonEnabled(True)
        self.text.setToolTip(
            "Words that all occur in the path of the result or of the movie, in any order"
        )
        self.when = self._choice("filter_when", "When the runs began")
        for name, days in _WHEN:
            self.when.addItem(name, days)
        self.since, self.until = self._date("since", "From"), self._date("until", "To")
        self.clear = button(self, "filter_clear", "Clear", "Show all runs")
        self.kind = self._choice("filter_kind", "What was done")
        self.group = self._choice("filter_group", "Experiment, person or project")
        self.camera = self._choice("filter_camera", "The instrument")
        self.tag = self._choice("filter_tag", "A tag that the runs have")
        self._columns = {
            "kind": (self.kind, "All kinds"),
            "group": (self.group, "All groups"),
            "camera": (self.camera, "All cameras"),
            "tags": (self.tag, "All tags"),
        }
        for box, title in self._columns.values():
            box.addItem(title, None)
        first, self._dates = QHBoxLayout(), QWidget(self)
        first.addWidget(self.text, 3)
        first.addWidget(self.when, 1)
        first.addWidget(self.clear)
        dates = QHBoxLayout(self._dates)
        dates.setContentsMargins(0, 0, 0, 0)
        dates.addWidget(self.since, 1)
        dates.addWidget(self.until, 1)
        second = QGridLayout()
        for k, (box, _) in enumerate(self._columns.values()):
            second.addWidget(box, 0, k)
            second.setColumnStretch(k, 1)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setVerticalSpacing(4)
        layout.addLayout(first, 0, 0)
        layout.addWidget(self._dates, 1, 0)
        layout.addLayout(second, 2, 0)
        self._dates.hide()
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_WAIT_MS)
        self._later.timeout.connect(self.changed)
        self.text.textChanged.connect(self._later.start)
        self.when.currentIndexChanged.connect(self._on_when)
        for date in (self.since, self.until):
            date.dateChanged.connect(self._on_choice)
        for box, _ in self._columns.values():
            box.currentIndexChanged.connect(self._on_choice)
        self.clear.clicked.connect(self._on_clear)
        self._mark()

    def _choice(self, name: str, tip: str) -> ChoiceBox:
        box = ChoiceBox(self)
        box.setObjectName(name)
        box.setToolTip(tip)
        box.setMinimumContentsLength(5)
        return box

    def _date(self, name: str, word: str) -> QDateEdit:
        edit = QDateEdit(QDate.currentDate(), self)
        edit.setObjectName(f"filter_{name}")
        edit.setCalendarPopup(True)
        edit.setDisplayFormat(f"'{word}' yyyy-MM-dd")
        edit.setToolTip(f"{word} this day, the day itself included")
        if name == "since":
            edit.setDate(QDate.currentDate().addMonths(-1))
        return edit

    # -- what is chosen -------------------------------------------------------------------------
    def filter(self) -> Filter:
        """Return the filter."""

        def chosen(box: ChoiceBox) -> tuple[str, ...]:
            value = box.currentData()
            return () if value is None else (str(value),)

        since, until = self._range()
        return Filter(
            text=str(self.text.text()),
            kinds=chosen(self.kind),
            groups=chosen(self.group),
            cameras=chosen(self.camera),
            tags=chosen(self.tag),
            since=since,
            until=until,
        )

    def _range(self) -> tuple[datetime | None, datetime | None]:
        days = self.when.currentData()
        if days is None:
            return None, None
        if days >= 0:
            today = datetime.now().replace(hour=0, minute=0, second=0, microsecond=0)
            return (today - timedelta(days=days)).astimezone(), None
        begin, end = self.since.date(), self.until.date()
        since = datetime(begin.year(), begin.month(), begin.day()).astimezone()
        until = datetime(end.year(), end.month(), end.day()) + timedelta(days=1)
        return since, until.astimezone()

    def show_rows(self, rows: Rows) -> None:
        """Offer the values that occur in the rows; what is chosen stays."""
        self.choices = {}
        for name in self._columns:
            values = set(rows[name].tolist())
            if name == "tags":
                values = {tag for tags in values for tag in (tags or "").split()}
            self.choices[name] = {str(value) for value in values if value}
        self.show_choices(self.choices)

    def show_choices(self, choices: Mapping[str, set[str]]) -> None:
        """Offer these values of each column; what is chosen stays."""
        for name, (box, title) in self._columns.items():
            chosen = box.currentData()
            values = choices.get(name, set()) | ({chosen} if chosen else set())
            _offer(box, title, sorted(values), chosen)

    def state(self) -> dict[str, Any]:
        """Return what is chosen, for `restore`."""
        return {
            "text": str(self.text.text()),
            "when": self.when.currentIndex(),
            "since": self.since.date().toString("yyyy-MM-dd"),
            "until": self.until.date().toString("yyyy-MM-dd"),
            **{name: box.currentData() for name, (box, _) in self._columns.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Choose what `state` returned; tells of no change."""
        if state == self.state():
            return
        with QSignalBlocker(self):
            with QSignalBlocker(self.text):
                self.text.setText(str(state.get("text") or ""))
            when = state.get("when")
            self.when.setCurrentIndex(when if isinstance(when, int) else 0)
            for name, edit in (("since", self.since), ("until", self.until)):
                date = QDate.fromString(str(state.get(name) or ""), "yyyy-MM-dd")
                if date.isValid():
                    edit.setDate(date)
            for name, (box, title) in self._columns.items():
                value = state.get(name)
                value = value if isinstance(value, str) else None
                if value is not None and box.findData(value) < 0:
                    box.addItem(value, value)
                box.setCurrentIndex(max(box.findData(value), 0))
                box.setItemText(0, title)
        self._mark()

    # -- changes --------------------------------------------------------------------------------
    def _on_when(self) -> None:
        self._dates.setVisible(self.when.currentData() == -1)
        self._on_choice()

    def _on_choice(self) -> None:
        self._later.stop()
        self._mark()
        self.changed.emit()

    def _on_clear(self) -> None:
        self.restore({})
        self._on_choice()

    def _mark(self) -> None:
        self.clear.setEnabled(self.filter() != Filter())

    def apply(self, rows: Rows) -> Any:
        """Return the indices of the rows that are let through."""
        self._mark()
        return rows.where(self.filter())


def _offer(box: ChoiceBox, title: str, values: Sequence[str], chosen: object) -> None:
    if [box.itemData(i) for i in range(1, box.count())] == list(values):
        return
    with QSignalBlocker(box):
        box.clear()
        box.addItem(title, None)
        for value in values:
            box.addItem(value, value)
        box.setCurrentIndex(max(box.findData(chosen), 0) if chosen is not None else 0)
