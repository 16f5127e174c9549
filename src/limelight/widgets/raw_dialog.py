"""The questions that a raw file leaves open, asked when no YAML file beside it answers them."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QMessageBox,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from limelight.core.errors import FileError
from limelight.io.raw import DATA_TYPES, RawSpecification, specification_path

__all__ = ["RawDialog", "ask_specification", "guess"]

_ORDERS = {"little-endian (low byte first)": "<", "big-endian (high byte first)": ">"}
_SIDES = (2048, 1024, 512, 256, 128, 64, 2304, 1200, 1000, 700, 600, 500, 400, 300, 200, 100)


def guess(size: int) -> RawSpecification:
    """Return a first guess at what a file of that size holds: square frames that fill it."""
    for data_type, width in (("uint16", 2), ("uint8", 1), ("float32", 4)):
        for side in _SIDES:
            frames, rest = divmod(size, side * side * width)
            if frames and not rest:
                return RawSpecification(data_type, side, side)
    return RawSpecification()


class RawDialog(QDialog):
    """Asks for the specification of a raw file, and says at once whether it can be right.

    Parameters
    ----------
    path : path
        The raw file.
    parent : QWidget, optional
        The window.
    """

    def __init__(self, path: str | Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._path = Path(path)
        self._size = self._path.stat().st_size
        start = guess(self._size)
        self.setWindowTitle(f"Specification of {self._path.name}")
        layout = QVBoxLayout(self)
        layout.addWidget(
            QLabel("A raw file does not tell how its pixels are stored. Please say it:", self)
        )
        form = QFormLayout()
        layout.addLayout(form)

        self.data_type = QComboBox(self)
        self.data_type.addItems(list(DATA_TYPES))
        self.data_type.setCurrentText(start.data_type)
        self.data_type.setToolTip("Type of a pixel; cameras mostly give uint16")
        form.addRow("Data type", self.data_type)
        self.width_px = self._number(1, 1_000_000, start.width, "Pixels in a row", " px")
        form.addRow("Width", self.width_px)
        self.height_px = self._number(1, 1_000_000, start.height, "Number of rows", " px")
        form.addRow("Height", self.height_px)
        self.byte_order = QComboBox(self)
        self.byte_order.addItems(list(_ORDERS))
        self.byte_order.setToolTip("Nearly always little-endian; the wrong one looks like noise")
        form.addRow("Byte order", self.byte_order)
        self.header = self._number(
            0, 2_000_000_000, 0, "Bytes before the first frame, which are skipped", " bytes"
        )
        form.addRow("Header", self.header)

        self.verdict = QLabel(self)
        self.verdict.setWordWrap(True)
        layout.addWidget(self.verdict)
        self.save = QCheckBox(f"Remember it in {specification_path(self._path).name}", self)
        self.save.setToolTip("Writes a YAML file beside the movie, so that nobody asks again")
        self.save.setChecked(True)
        layout.addWidget(self.save)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel, self
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout.addWidget(self.buttons)

        self.data_type.currentTextChanged.connect(self._judge)
        for box in (self.width_px, self.height_px, self.header):
            box.valueChanged.connect(self._judge)
        self._judge()

    def _number(self, low: int, high: int, value: int, tip: str, suffix: str) -> QSpinBox:
        box = QSpinBox(self)
        box.setRange(low, high)
        box.setValue(value)
        box.setToolTip(tip)
        box.setSuffix(suffix)
        box.setGroupSeparatorShown(True)
        return box

    @property
    def specification(self) -> RawSpecification:
        """What was answered."""
        order = _ORDERS[self.byte_order.currentText()]
        return RawSpecification(
            data_type=self.data_type.currentText(),
            height=self.height_px.value(),
            width=self.width_px.value(),
            byte_order=">" if order == ">" else "<",
            header=self.header.value(),
        )

    def _judge(self, *_: object) -> None:
        """Say how many frames that gives, and whether bytes are left over."""
        specification = self.specification
        frames, rest = specification.fit(self._size)
        text = f"The file ({self._size:,} bytes) holds {frames:,} frames"
        if not frames:
            text = (
                f"One frame needs {specification.frame_bytes:,} bytes, more than the "
                f"{max(0, self._size - specification.header):,} that are there."
            )
        elif rest:
            text += f", and {rest:,} bytes are left over: probably a value is wrong."
        else:
            text += " exactly."
        self.verdict.setText(text)
        button = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        if button is not None:
            button.setEnabled(frames > 0)

    def accept(self) -> None:
        """Close, and write the YAML file if that was asked for."""
        if self.save.isChecked():
            frames, _ = self.specification.fit(self._size)
            complete = RawSpecification(**{**vars(self.specification), "frames": frames})
            try:
                complete.save(self._path)
            except FileError as error:
                QMessageBox.warning(self, "The specification was not saved", str(error))
        super().accept()


def ask_specification(path: str | Path) -> RawSpecification | None:
    """Ask for the specification of a raw file; None where the person cancels."""
    dialog = RawDialog(path, QApplication.activeWindow())
    try:
        accepted = dialog.exec() == int(QDialog.DialogCode.Accepted)
        return dialog.specification if accepted else None
    finally:
        dialog.deleteLater()
