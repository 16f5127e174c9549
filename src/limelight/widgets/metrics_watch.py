"""Starting a watcher from the Metrics dock: what it watches and what it does with a movie."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from limelight.core.errors import LimelightError, ParameterError
from limelight.core.settings import fields_of
from limelight.io.atomic import replacing
from limelight.localize import LocalizeSettings
from limelight.localize.settings import DEFAULT_DETECTOR, DEFAULT_FITTER
from limelight.metrics import ParameterGroup, WatchSettings, load_watch
from limelight.metrics.watch_settings import KINDS, split_command
from limelight.widgets.controls import MessageLabel, WholeBox
from limelight.widgets.dock import button, in_scroll_area
from limelight.widgets.part_form import PartForm
from limelight.widgets.settings_form import SettingsForm

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["WatchDialog"]

_OWN = ("folders", "kinds", "groups", "tags", "name")
_CAMERA = (
    ("baseline", "Baseline", "counts", "Counts of a dark pixel; empty: as the movie says"),
    ("sensitivity", "Sensitivity", "e/count", "Electrons per count; empty: as the movie says"),
    ("gain", "EM gain", "", "1 for a camera without; empty: as the movie says"),
    ("pixel_size", "Pixel size", "nm", "In the sample; empty: as the movie says"),
)


class _GroupForm(QWidget):
    """One parameter group: how movies are localized, what follows, what is run."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.detector = PartForm(
            "Detector", "detectors", DEFAULT_DETECTOR, "How molecules are looked for", self
        )
        self.fitter = PartForm(
            "Method", "fitters", DEFAULT_FITTER, "How the molecules are fitted", self
        )
        every = {f.name for f in fields_of(LocalizeSettings)}
        self.finding = SettingsForm(LocalizeSettings, skip=every - {"box"}, parent=self)
        self.camera: dict[str, QLineEdit] = {}
        grid = QGridLayout()
        for k, (name, title, unit, tip) in enumerate(_CAMERA):
            line = QLineEdit(self)
            line.setObjectName(name)
            line.setPlaceholderText("as the movie says")
            line.setToolTip(tip)
            grid.addWidget(QLabel(f"{title} ({unit})" if unit else title, self), k // 2, k % 2 * 2)
            grid.addWidget(line, k // 2, k % 2 * 2 + 1)
            self.camera[name] = line
        self.steps = QLineEdit(self)
        self.steps.setObjectName("steps")
        self.steps.setPlaceholderText("undrift, link")
        self.steps.setToolTip(
            "Table tools that follow, one after the other, with commas between them:\n"
            "undrift, link, dbscan, filter … Settings in brackets: undrift(method=rcc)"
        )
        self.commands = QPlainTextEdit(self)
        self.commands.setObjectName("commands")
        self.commands.setPlaceholderText("/usr/bin/python3 tell.py $FILENAME")
        self.commands.setToolTip(
            "Programs to run at the end, one per line. $FILENAME stands for the newest table, "
            "$MOVIE for the movie.\nArguments go to the program as they are: no shell is involved."
        )
        self.commands.setFixedHeight(56)
        self.commands.setStyleSheet("QPlainTextEdit { background: rgba(255, 255, 255, 18); }")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self.detector)
        layout.addWidget(self.finding)
        layout.addWidget(self.fitter)
        layout.addLayout(grid)
        form = QFormLayout()
        form.addRow("Then", self.steps)
        form.addRow("Commands", self.commands)
        layout.addLayout(form)
        layout.addStretch(1)

    def group(self) -> ParameterGroup:
        """Return the group.

        Raises
        ------
        ParameterError
            If a setting is of no use.
        """
        localize: dict[str, Any] = {}
        for key, form in (("detect", self.detector), ("fit", self.fitter)):
            localize[key] = form.name
            localize |= _changed(form)
        localize |= self.finding.values()
        for name, line in self.camera.items():
            if text := str(line.text()).strip():
                try:
                    localize[name] = float(text)
                except ValueError:
                    raise ParameterError(f"{name}: {text!r} is no number.") from None
        lines = [t for t in str(self.commands.toPlainText()).splitlines() if t.strip()]
        return ParameterGroup(
            localize, _steps(str(self.steps.text())), tuple(split_command(t) for t in lines)
        )

    def show_group(self, group: ParameterGroup) -> None:
        """Show a group."""
        values = dict(group.localize)
        for key, form in (("detect", self.detector), ("fit", self.fitter)):
            form.choose(str(values.pop(key, form.name)))
            if form.form is not None:
                form.form.set_values({k: v for k, v in values.items() if k in form.form.editors})
        self.finding.set_values({k: v for k, v in values.items() if k in self.finding.editors})
        for name, line in self.camera.items():
            line.setText(f"{values[name]:g}" if name in values else "")
        self.steps.setText(", ".join(_step_text(n, v) for n, v in group.steps))
        self.commands.setPlainText("\n".join(_join(c) for c in group.commands))


def _changed(form: PartForm) -> dict[str, Any]:
    """Return what differs from the defaults of a part."""
    part = form.part()
    defaults = {f.name: f.default for f in fields_of(type(part))}
    return {k: v for k, v in part.to_dict().items() if k in defaults and v != defaults[k]}


def _join(command: tuple[str, ...]) -> str:
    if os.name == "nt":
        return " ".join(f'"{w}"' if " " in w else w for w in command)
    # $FILENAME is a word of ours: quotes would not be wrong, but hard to read
    return " ".join(w if w.startswith("$") else shlex.quote(w) for w in command)


def _steps(text: str) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """Read ``undrift(method=rcc), link``."""
    import re

    import yaml

    found: list[tuple[str, Mapping[str, Any]]] = []
    for word in re.split(r",(?![^(]*\))", text):
        if not word.strip():
            continue
        match = re.fullmatch(r"\s*([\w-]+)\s*(?:\((.*)\))?\s*", word, re.S)
        if match is None:
            raise ParameterError(
                f"The step {word.strip()!r} cannot be understood. Write undrift(method=rcc), link."
            )
        values = {}
        for pair in filter(str.strip, (match[2] or "").split(",")):
            key, equals, value = pair.partition("=")
            if not equals:
                raise ParameterError(f"In the step {match[1]}, {pair.strip()!r} has no value.")
            values[key.strip()] = yaml.safe_load(value.strip())
        found.append((match[1], values))
    return tuple(found)


def _step_text(name: str, values: Mapping[str, Any]) -> str:
    inside = ", ".join(f"{k}={v}" for k, v in values.items())
    return f"{name}({inside})" if inside else name


class WatchDialog(QDialog):
    """Asks for all settings of a watcher; they can be saved for ``limelight watch``."""

    def __init__(
        self, settings: WatchSettings | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Watch a folder")
        self.resize(620, 620)
        self.settings: WatchSettings | None = None
        self.folders = QLineEdit(self)
        self.folders.setObjectName("folders")
        self.folders.setPlaceholderText("Folder that movies come into")
        self.folders.setToolTip("Folders to watch; several with ; between them")
        browse = button(self, "browse", "Folder…", "Add a folder")
        self.name = QLineEdit(self)
        self.name.setObjectName("name")
        self.name.setPlaceholderText("made from the folder")
        self.name.setToolTip("Under this name the watcher knows what it has done before")
        self.tags = QLineEdit(self)
        self.tags.setObjectName("tags")
        self.tags.setToolTip("Words to find the runs by, with spaces between them")
        self.kinds = {kind: QCheckBox(kind, self) for kind in KINDS}
        kinds = QHBoxLayout()
        for kind, box in self.kinds.items():
            box.setChecked(True)
            box.setToolTip(f"Process movies of the kind {kind}")
            kinds.addWidget(box)
        kinds.addStretch(1)
        self.form = SettingsForm(WatchSettings, skip=set(_OWN), parent=self)
        self.count = WholeBox(1, 9, self)
        self.count.setObjectName("groups")
        self.count.setToolTip(
            "So many parameter groups: each movie is processed with each, results are named _pg_1, "
            "_pg_2, …"
        )
        self.groups = QTabWidget(self)
        self.groups.setObjectName("group_tabs")
        self.message = MessageLabel(self)
        self.load = button(self, "load", "Load…", "Load settings from a YAML file")
        self.save = button(
            self, "save", "Save…", "Save the settings for: limelight watch --settings FILE"
        )
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        start = self.buttons.addButton("Start", QDialogButtonBox.ButtonRole.AcceptRole)
        if start is not None:
            start.setObjectName("start")
            start.setToolTip("Start watching, in a thread of this napari")
        top = QFormLayout()
        row = QHBoxLayout()
        row.addWidget(self.folders, 1)
        row.addWidget(browse)
        top.addRow("Folders", row)
        top.addRow("Name", self.name)
        top.addRow("Movies", kinds)
        top.addRow("Tags", self.tags)
        general = QWidget(self)
        first = QVBoxLayout(general)
        first.setContentsMargins(6, 6, 6, 6)
        first.addLayout(top)
        first.addWidget(self.form)
        counted = QHBoxLayout()
        counted.addWidget(QLabel("Parameter groups", self))
        counted.addWidget(self.count)
        counted.addStretch(2)
        first.addLayout(counted)
        first.addStretch(1)
        self.groups.addTab(in_scroll_area(general, self), "Folders")
        self.groups.setTabToolTip(0, "What is watched")
        bottom = QHBoxLayout()
        bottom.addWidget(self.load)
        bottom.addWidget(self.save)
        bottom.addWidget(self.buttons, 1)
        layout = QVBoxLayout(self)
        layout.addWidget(self.groups, 1)
        layout.addWidget(self.message)
        layout.addLayout(bottom)
        self.forms: list[_GroupForm] = []
        self._set_count(1)
        self.count.valueChanged.connect(self._set_count)
        browse.clicked.connect(self._on_browse)
        self.load.clicked.connect(self._on_load)
        self.save.clicked.connect(self._on_save)
        self.buttons.accepted.connect(self._on_start)
        self.buttons.rejected.connect(self.reject)
        if settings is not None:
            self.show_settings(settings)

    def _set_count(self, count: int) -> None:
        while len(self.forms) < count:
            form = _GroupForm(self)
            self.forms.append(form)
            self.groups.addTab(in_scroll_area(form, self), f"Parameters {len(self.forms)}")
        while len(self.forms) > count:
            form = self.forms.pop()
            page = self.groups.widget(len(self.forms) + 1)
            self.groups.removeTab(len(self.forms) + 1)
            form.hide()
            if page is not None:
                page.deleteLater()
        title = "Parameters" if count == 1 else "Parameters 1"
        self.groups.setTabText(1, title)
        self.groups.setTabToolTip(1, "How movies are localized, what follows, what is run")

    def _on_browse(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Folder to watch")
        if name:
            known = [f.strip() for f in str(self.folders.text()).split(";") if f.strip()]
            self.folders.setText("; ".join(dict.fromkeys([*known, name])))

    # -- settings -------------------------------------------------------------------------------
    def values(self) -> WatchSettings:
        """Return the settings.

        Raises
        ------
        LimelightError
            If one is of no use.
        """
        folders = tuple(f.strip() for f in str(self.folders.text()).split(";") if f.strip())
        return WatchSettings(
            folders=folders,
            name=str(self.name.text()).strip(),
            kinds=tuple(kind for kind, box in self.kinds.items() if box.isChecked()),
            tags=tuple(str(self.tags.text()).split()),
            groups=tuple(form.group() for form in self.forms),
            **self.form.values(),
        )

    def show_settings(self, settings: WatchSettings) -> None:
        """Show settings."""
        self.folders.setText("; ".join(settings.folders))
        self.name.setText(settings.name)
        self.tags.setText(" ".join(settings.tags))
        for kind, box in self.kinds.items():
            box.setChecked(kind in settings.kinds)
        self.form.set_values(
            {k: v for k, v in settings.to_dict().items() if k in self.form.editors}
        )
        with QSignalBlocker(self.count):
            self.count.setValue(len(settings.groups))
        self._set_count(len(settings.groups))
        for form, group in zip(self.forms, settings.groups, strict=True):
            form.show_group(group)

    def _on_start(self) -> None:
        try:
            self.settings = self.values()
        except (LimelightError, ValueError) as error:
            self.message.tell(str(error), error=True)
            return
        self.accept()

    def _on_load(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Settings of a watcher", "", "*.yaml *.yml")
        if not name:
            return
        try:
            chosen = {} if not self.folders.text() else {"folders": self.folders.text().split(";")}
            self.show_settings(load_watch(name, **chosen))
        except LimelightError as error:
            self.message.tell(str(error), error=True)

    def _on_save(self) -> None:
        try:
            settings = self.values()
        except (LimelightError, ValueError) as error:
            self.message.tell(str(error), error=True)
            return
        name, _ = QFileDialog.getSaveFileName(
            self, "Save the settings", f"{settings.name}.yaml", "*.yaml"
        )
        if not name:
            return
        try:
            with replacing(Path(name)) as temporary:
                temporary.write_text(settings.to_yaml(), encoding="utf-8")
        except LimelightError as error:
            self.message.tell(str(error), error=True)
        else:
            folders = " ".join(shlex.quote(f) for f in settings.folders)
            self.message.tell(f"Saved. In a terminal: limelight watch {folders} --settings {name}")
