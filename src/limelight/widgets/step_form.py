"""One step of a pipeline: what it takes, how it is set, what its results are called."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QFormLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from limelight.core.errors import LimelightError
from limelight.segment.pipes import fits
from limelight.widgets.controls import ChoiceBox, MessageLabel, mark_invalid
from limelight.widgets.settings_form import SettingsForm, in_words

if TYPE_CHECKING:
    from limelight.segment.pipeline import Pipeline, Step

__all__ = ["StepForm"]


class StepForm(QWidget):
    """Controls for one step; they are made anew when another step is shown.

    Signals
    -------
    connected : str, str
        An input, and the key that it is to be connected to.
    configured : dict
        All settings.
    named : str, str
        An output, and its new key.
    """

    connected = Signal(str, str)
    configured = Signal(dict)
    named = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.step: Step | None = None
        self.title = QLabel(self)
        self.title.setObjectName("step_title")
        self.title.setWordWrap(True)
        self.problem = MessageLabel(self)
        self.log = QLabel(self)
        self.log.setObjectName("log")
        self.log.setWordWrap(True)
        self.log.setToolTip("What the step said when it ran")
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(4, 0, 4, 0)
        self._layout.setSpacing(4)
        self._body: QWidget | None = None
        self.inputs: dict[str, ChoiceBox] = {}
        self.outputs: dict[str, QLineEdit] = {}
        self.settings: SettingsForm | None = None
        self._layout.addWidget(self.title)
        self._layout.addWidget(self.problem)
        self._layout.addWidget(self.log)
        self._layout.addStretch(1)

    def show_step(self, pipeline: Pipeline, name: str) -> None:
        """Show a step; an empty name shows none.

        The controls stay where only values have changed, so that the one in use keeps the focus.
        """
        step = pipeline[name] if name else None
        if step is not None and self._same(step):
            self.step = step
            self._list_inputs(pipeline, step)
            return
        self.step = step
        self._discard()
        if step is None:
            self.title.setText("Choose a step to see its settings.")
            return
        try:
            module = step.load()
        except LimelightError as error:
            self.title.setText(f"<b>{step.name}</b>")
            self.problem.tell(str(error), error=True)
            return
        self.title.setText(f"<b>{step.name}</b><br>{module.summary}")
        self.title.setToolTip(module.help)
        self._body = QWidget(self)
        layout = QVBoxLayout(self._body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        rows = QFormLayout()
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        rows.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        for wanted in module.inputs:
            box = ChoiceBox(self._body)
            box.setObjectName(f"input_{wanted.name}")
            tip = f"{wanted.help} ({wanted.pipe})"
            box.setToolTip(tip)
            label = QLabel(in_words(wanted.name), self._body)
            label.setToolTip(tip)
            rows.addRow(label, box)
            box.currentIndexChanged.connect(partial(self._on_input, wanted.name))
            self.inputs[wanted.name] = box
        layout.addLayout(rows)
        self.settings = SettingsForm(module.settings, parent=self._body)
        self.settings.set_values(step.values)
        self.settings.changed.connect(self._on_settings)
        layout.addWidget(self.settings)
        self._add_outputs(step, layout)
        self._list_inputs(pipeline, step)
        self._layout.insertWidget(1, self._body)

    def _add_outputs(self, step: Step, layout: QVBoxLayout) -> None:
        named = [o for o in step.load().outputs if o.pipe == "SegmentedObjects"]
        if not named:
            return
        rows = QFormLayout()
        for output in named:
            line = QLineEdit(step.key(output.name), self._body)
            line.setObjectName(f"output_{output.name}")
            line.setToolTip(f"Name of the objects. {output.help}")
            line.editingFinished.connect(partial(self._on_output, output.name))
            rows.addRow(QLabel("Name of the objects", self._body), line)
            self.outputs[output.name] = line
        layout.addLayout(rows)

    def _same(self, step: Step) -> bool:
        old = self.step
        if old is None or self.settings is None:
            return False
        if (old.name, old.module) != (step.name, step.module):
            return False
        try:
            shown = self._values()
        except LimelightError:
            return True
        wanted = {**step.load().defaults, **step.values}
        for output, line in self.outputs.items():
            line.setText(step.key(output))
        return shown == wanted

    def _discard(self) -> None:
        if self._body is not None:
            self._layout.removeWidget(self._body)
            self._body.hide()
            self._body.deleteLater()
        self._body, self.settings = None, None
        self.inputs, self.outputs = {}, {}
        self.problem.tell("")
        self.log.setText("")

    def _list_inputs(self, pipeline: Pipeline, step: Step) -> None:
        before = pipeline.available(step.name)
        for wanted in step.load().inputs:
            box, chosen = self.inputs[wanted.name], step.inputs.get(wanted.name, "")
            keys = [k for k, kind in before.items() if fits(kind, wanted.pipe)]
            with QSignalBlocker(box):
                box.clear()
                if wanted.optional or not chosen:
                    box.addItem("none", "")
                for key in keys:
                    box.addItem(key, key)
                if chosen and chosen not in keys:
                    box.addItem(f"{chosen} (missing)", chosen)
                box.setCurrentIndex(max(box.findData(chosen), 0))
            mark_invalid(box, bool(chosen) and chosen not in keys)

    def _on_input(self, name: str, index: int) -> None:
        key = self.inputs[name].itemData(index)
        if key is not None:
            self.connected.emit(name, str(key))

    def _values(self) -> dict[str, Any]:
        if self.settings is None or self.step is None:
            return {}
        return self.settings.settings().to_dict()

    def _on_settings(self) -> None:
        try:
            values = self._values()
        except LimelightError as error:
            self.problem.tell(str(error), error=True)
            return
        self.problem.tell("")
        self.configured.emit(values)

    def _on_output(self, name: str) -> None:
        text = str(self.outputs[name].text()).strip()
        if self.step is not None and text != self.step.key(name):
            self.named.emit(name, text)
