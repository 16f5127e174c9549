"""What a person sets for live stacks of the PSF dock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QCheckBox, QFormLayout, QLabel, QWidget

from limelight.core.errors import LimelightError
from limelight.widgets.controls import ChoiceBox, NumberBox, WholeBox
from limelight.widgets.psf_stream import StackPlan

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LiveForm"]


class LiveForm(QWidget):
    """Range, step, field, channels, and who moves the stage.

    Signals
    -------
    changed
        When something was set.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.low, self.high = NumberBox(-1e4, 1e4, self), NumberBox(-1e4, 1e4, self)
        self.step = NumberBox(0.001, 1e3, self)
        self.clip = WholeBox(0, 1e5, self)
        self.external = QCheckBox("The stage is moved by another controller", self)
        self.external.setObjectName("external")
        self.external.setToolTip(
            "The camera runs and takes a slice at every trigger; frames are counted"
        )
        self.channels = ChoiceBox(self)
        self.channels.setObjectName("channels")
        self.channels.setToolTip("Channels of a stack, one after another")
        self.slices = QLabel(self)
        self.slices.setWordWrap(True)
        form = QFormLayout(self)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        for box, name, title, tip, value in (
            (self.low, "low", "First slice (µm)", "First slice, from the focus now, µm", -2.0),
            (self.high, "high", "Last slice (µm)", "Last slice, from the focus now, µm", 2.0),
            (self.step, "step", "Step (µm)", "Distance of two slices, µm", 0.1),
            (
                self.clip,
                "clip",
                "Central field (px)",
                "Side of the central field that is kept, px; 0: all of it",
                0,
            ),
        ):
            box.setObjectName(name)
            box.setToolTip(tip)
            box.setValue(value)  # type: ignore[arg-type]
            form.addRow(title, box)
            box.valueChanged.connect(self._on_change)
        form.addRow("Channels", self.channels)
        form.addRow(self.external)
        form.addRow(self.slices)
        self.external.toggled.connect(self._on_change)
        self._on_change()

    def plan(self) -> StackPlan:
        """Return what is set."""
        group, presets = self.channels.currentData() or ("", ())
        return StackPlan(
            float(self.low.value()),
            float(self.high.value()),
            float(self.step.value()),
            group,
            tuple(presets),
            int(self.clip.value()) or None,
            bool(self.external.isChecked()),
        )

    def list_channels(self, group: str, presets: tuple[str, ...]) -> None:
        """Offer the presets of a group; what was chosen stays chosen if it is among them."""
        before = self.channels.currentText()
        with QSignalBlocker(self.channels):
            self.channels.clear()
            self.channels.addItem("as it is set", ("", ()))
            if presets:
                self.channels.addItem(f"all of {group}: {', '.join(presets)}", (group, presets))
            for preset in presets:
                self.channels.addItem(preset, (group, (preset,)))
            self.channels.setCurrentIndex(max(self.channels.findText(before), 0))

    def _on_change(self, *_: object) -> None:
        try:
            plan = self.plan()
            plan.check()
            self.slices.setText(f"{plan.slices} slices")
        except (LimelightError, OverflowError) as error:
            self.slices.setText(str(error))
        self.changed.emit()

    def state(self) -> dict[str, Any]:
        """Return what is worth remembering."""
        boxes = (self.low, self.high, self.step, self.clip)
        found: dict[str, Any] = {str(box.objectName()): box.value() for box in boxes}
        return found | {"external": bool(self.external.isChecked())}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Set what was remembered."""
        for box in (self.low, self.high, self.step):
            value = state.get(box.objectName())
            if isinstance(value, int | float):
                box.setValue(float(value))
        if isinstance(state.get("clip"), int):
            self.clip.setValue(state["clip"])
        self.external.setChecked(state.get("external") is True)
