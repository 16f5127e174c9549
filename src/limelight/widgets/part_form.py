"""Choose a contributed part (a detector, a fitter) and set it; its own settings appear below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from limelight.core import parts
from limelight.core.errors import PartError
from limelight.widgets.controls import ChoiceBox, MessageLabel
from limelight.widgets.settings_form import SettingsForm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from limelight.core.settings import Settings

__all__ = ["PartForm"]


class PartForm(QWidget):
    """A drop-down of the parts of a group, and the form of the chosen one.

    Parts are listed by name; one is imported when it is chosen.  What was typed for a part is kept
    while another is tried.

    Parameters
    ----------
    title : str
        Label of the drop-down.
    group : {"detectors", "fitters"}
        What to choose from.
    default : str
        Name of the part that is chosen at first.
    tooltip : str
        Shown on the drop-down.

    Signals
    -------
    changed : after any change of part or setting.
    """

    changed = Signal()

    def __init__(
        self,
        title: str,
        group: parts.Group,
        default: str,
        tooltip: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._group = group
        self._kept: dict[str, dict[str, Any]] = {}
        self._tooltip = tooltip
        self._name = ""
        self.form: SettingsForm | None = None
        self.choice = ChoiceBox(self)
        self.choice.setObjectName(group)
        self.choice.setToolTip(tooltip)
        for name in parts.names(group):
            self.choice.addItem(name, name)
        self._message = MessageLabel(self)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        label = QLabel(title, self)
        label.setToolTip(tooltip)
        row = QHBoxLayout()
        row.addWidget(label)
        row.addWidget(self.choice, 1)
        self._layout.addLayout(row)
        self._layout.addWidget(self._message)
        self.choice.setCurrentIndex(-1)
        self.choice.currentIndexChanged.connect(self._on_choice)
        for name in [default, *parts.names(group)]:  # the first that can be loaded
            if self.choose(name):
                break

    @property
    def name(self) -> str:
        """Name of the chosen part."""
        return self._name

    def choose(self, name: str) -> bool:
        """Choose a part by name; False where there is none of that name."""
        index = self.choice.findData(name)
        if index < 0:
            return False
        self.choice.setCurrentIndex(index)
        return self._name == name

    def part(self) -> Settings:
        """Return the part with its settings.

        Raises
        ------
        ParameterError
            If a value is of no use.
        PartError
            If there is no part to use.
        """
        if self.form is None:
            raise PartError(f"None of the {self._group} could be loaded.")
        return self.form.settings()

    def state(self) -> dict[str, Any]:
        """Return the name and all that was typed, for `restore`."""
        self._keep()
        return {"name": self._name, "values": self._kept}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Show what `state` returned; what no longer exists is left out."""
        kept = state.get("values")
        if isinstance(kept, dict):
            self._kept = {k: v for k, v in kept.items() if isinstance(v, dict)}
        name = str(state.get("name", ""))
        if name == self._name and self.form is not None:
            self.form.set_values(self._kept.get(name, {}))
        else:
            self.choose(name)

    def _keep(self) -> None:
        if self.form is None:
            return
        values = {}
        for name, editor in self.form.editors.items():
            try:
                values[name] = editor.get()
            except ValueError:  # half-typed text is not worth keeping
                continue
        self._kept[self._name] = values

    def _on_choice(self, index: int) -> None:
        name = str(self.choice.itemData(index) or "")
        if not name or name == self._name:
            return
        try:
            cls = parts.load(self._group, name)
        except PartError as error:
            self._message.tell(str(error), error=True)
            with QSignalBlocker(self.choice):
                self.choice.setCurrentIndex(self.choice.findData(self._name))
            return
        self._message.tell("")
        self._keep()
        if self.form is not None:
            self._layout.removeWidget(self.form)
            self.form.hide()
            self.form.deleteLater()
        self._name = name
        self.form = SettingsForm(cls, more=f"More of {name}", parent=self)
        self.form.set_values(self._kept.get(name, {}))
        self.form.changed.connect(self.changed)
        self._layout.addWidget(self.form)
        self.choice.setToolTip(f"{self._tooltip}\n{name}: {_first_line(cls)}")
        self.changed.emit()


def _first_line(cls: type[Settings]) -> str:
    return (cls.__doc__ or "").strip().split("\n")[0]
