"""Questions of the Metrics dock: where is it now, and to what group does it belong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from limelight.metrics.moving import affected, changed_prefix
from limelight.widgets.controls import MessageLabel
from limelight.widgets.dock import button

if TYPE_CHECKING:
    from limelight.metrics import Rows

__all__ = ["GroupDialog", "LocateDialog"]


class LocateDialog(QDialog):
    """Asks where a file, or the folder that it is in, is now; tells what else follows.

    Parameters
    ----------
    rows : Rows
        The history.
    path : str
        What is missing.
    """

    def __init__(self, rows: Rows, path: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Locate moved files")
        self.setMinimumWidth(560)
        self._rows, self._path = rows, path
        self.old = QLineEdit(path, self)
        self.old.setObjectName("old")
        self.old.setToolTip(
            "What was moved: the file, or a folder above it; all runs in that folder follow"
        )
        self.new = QLineEdit(self)
        self.new.setObjectName("new")
        self.new.setToolTip("Where it is now")
        self.told = MessageLabel(self)
        file = button(self, "choose_file", "File…", "Choose the file where it is now")
        folder = button(
            self, "choose_folder", "Folder…", "Choose the folder that the file's folder is now"
        )
        row = QHBoxLayout()
        row.addWidget(self.new, 1)
        row.addWidget(file)
        row.addWidget(folder)
        form = QFormLayout()
        form.addRow("Was", self.old)
        form.addRow("Is now", row)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel, self
        )
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.told)
        layout.addWidget(self.buttons)
        file.clicked.connect(self._on_file)
        folder.clicked.connect(self._on_folder)
        self.old.textChanged.connect(self._tell)
        self.new.textChanged.connect(self._tell)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._tell()

    def _on_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Where is it now?", str(Path(self._path).name))
        if name:
            self.take(name)

    def _on_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Which folder is it now?")
        if name:
            self.take_folder(name)

    def take(self, name: str) -> None:
        """Take the file's new path: the folders by which they differ are what was moved."""
        old, new = changed_prefix(self._path, name)
        self.old.setText(str(old))
        self.new.setText(str(new))

    def take_folder(self, name: str) -> None:
        """Take the folder that the file, or one of the folders above it, is in now."""
        file, folder = Path(self._path), Path(name)
        for above in file.parents:
            if (folder / file.relative_to(above)).exists():
                self.take(str(folder / file.relative_to(above)))
                return
        self.old.setText(str(file.parent))
        self.new.setText(name)

    def _tell(self) -> None:
        old, new = str(self.old.text()).strip(), str(self.new.text()).strip()
        ready = bool(old and new and old != new)
        ok = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        if not ready:
            self.told.tell("Choose where it is now. Other files that moved with it follow.")
        else:
            runs, looked, there = affected(self._rows, old, new)
            text = f"{runs:,} {'run follows' if runs == 1 else 'runs follow'}."
            if looked:
                of = "the first " if looked < runs else ""
                text += f" {there:,} of {of}{looked:,} results are at the new place."
            self.told.tell(text, error=looked > 0 and there == 0)
            ready = runs > 0
        if ok is not None:
            ok.setEnabled(ready)

    def answer(self) -> tuple[str, str]:
        """Return what was moved, and to where."""
        return str(self.old.text()).strip(), str(self.new.text()).strip()


class GroupDialog(QDialog):
    """Asks for a group and tags.

    Parameters
    ----------
    count : int
        For how many runs.
    group, tags : str
        What they have now.
    """

    def __init__(self, count: int, group: str, tags: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Group and tags")
        self.setMinimumWidth(360)
        self.group = QLineEdit(group, self)
        self.group.setObjectName("group")
        self.group.setToolTip("Experiment, person or project")
        self.tags = QLineEdit(tags.strip(), self)
        self.tags.setObjectName("tags")
        self.tags.setToolTip("Words, with spaces between them")
        form = QFormLayout()
        form.addRow(QLabel(f"For {count:,} {'run' if count == 1 else 'runs'}", self))
        form.addRow("Group", self.group)
        form.addRow("Tags", self.tags)
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel, self
        )
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(buttons)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)

    def answer(self) -> tuple[str, tuple[str, ...]]:
        """Return group and tags."""
        return str(self.group.text()).strip(), tuple(str(self.tags.text()).split())
