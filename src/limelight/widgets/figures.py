"""Figures with their units, one below the other, with a word of doubt where there is one."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from limelight.core.locs.result import Measure

__all__ = ["FigureList", "figure_text"]

_DOUBT = "#ffb224"


def figure_text(measure: Measure) -> str:
    """Return a figure with its unit: "12.3 nm", "1,234", "not measured"."""
    value = measure.value
    if value is None:
        return "not measured"
    whole = measure.unit == "" and float(value).is_integer()
    text = f"{value:,.0f}" if whole or abs(value) >= 1e5 else f"{value:.3g}"
    if 1000 <= abs(value) < 1e5:
        text = f"{value:,.0f}"
    return f"{text} {measure.unit}".rstrip()


class FigureList(QWidget):
    """Titles and figures; what is not to be trusted is marked, and the reason told below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.label = QLabel(self)
        self.label.setObjectName("figures")
        self.label.setTextFormat(Qt.TextFormat.RichText)
        self.label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.notes = QLabel(self)
        self.notes.setObjectName("notes")
        self.notes.setWordWrap(True)
        self.notes.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.label)
        layout.addWidget(self.notes)
        self.measures: tuple[Measure, ...] = ()
        self.show_measures(())

    def show_measures(
        self, measures: Iterable[Measure], only: Sequence[str] = (), quiet: bool = False
    ) -> None:
        """Show figures.

        Parameters
        ----------
        measures : iterable of Measure
            The figures.
        only : sequence of str
            Names of those to show, in that order; all by default.
        quiet : bool
            Tell below only why figures are missing or in doubt, the rest in the tooltip.
        """
        self.measures = tuple(measures)
        shown = list(self.measures)
        if only:
            by_name = {m.name: m for m in shown}
            shown = [by_name[name] for name in only if name in by_name]
        rows = "".join(_row(m) for m in shown)
        self.label.setText(f'<table cellspacing="0" cellpadding="1" width="100%">{rows}</table>')
        self.label.setVisible(bool(shown))
        told = dict.fromkeys(m.note for m in shown if m.note and (m.reliable and quiet))
        tips = ["Figures of the table; amber ones are not to be trusted", *told]
        self.label.setToolTip("\n".join(tips))
        notes = dict.fromkeys(m.note for m in shown if m.note and not (m.reliable and quiet))
        self.notes.setText("\n".join(notes))
        self.notes.setVisible(bool(notes))
        self.setVisible(bool(shown))


def _row(measure: Measure) -> str:
    text = escape(figure_text(measure))
    if not measure.reliable:
        text = f'<span style="color:{_DOUBT}">{text}</span>'
    return f'<tr><td>{escape(measure.title)}&nbsp;</td><td align="right"><b>{text}</b></td></tr>'
