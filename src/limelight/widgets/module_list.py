"""The modules that there are: searched, read about, dragged into a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QMimeData, Qt, Signal
from qtpy.QtWidgets import QAbstractItemView, QLineEdit, QTreeWidget, QTreeWidgetItem, QVBoxLayout
from qtpy.QtWidgets import QWidget as _QWidget

from limelight.segment import load_all

if TYPE_CHECKING:
    from collections.abc import Iterable

    from limelight.segment.module import Module

__all__ = ["MODULE_MIME", "ModuleList"]

MODULE_MIME = "application/x-limelight-module"
_FAMILIES = {
    "images": "Images",
    "masks": "Masks",
    "objects": "Objects",
    "spots": "Spots",
    "volumes": "Volumes",
    "measure": "Measure",
    "models": "Models",
}


class _Tree(QTreeWidget):
    """Modules by family; what is dragged out carries the module's name."""

    def mimeData(self, items: Iterable[QTreeWidgetItem]) -> QMimeData:
        """Return the name of the module that is dragged."""
        data = QMimeData()
        names = [i.data(0, Qt.ItemDataRole.UserRole) for i in items]
        data.setData(MODULE_MIME, str(next(filter(None, names), "")).encode())
        return data


def _family(module: Module) -> str:
    home, _, file = module.function.__module__.rpartition(".")
    return _FAMILIES.get(file, file) if home == "limelight.segment.modules" else "Contributed"


class ModuleList(_QWidget):
    """Modules by family, with a line to search in names and help.

    Signals
    -------
    wanted : str
        Name of a module that was double-clicked, or chosen with the enter key.
    """

    wanted = Signal(str)

    def __init__(self, parent: _QWidget | None = None) -> None:
        super().__init__(parent)
        self.search = QLineEdit(self)
        self.search.setObjectName("search")
        self.search.setPlaceholderText("Search modules")
        self.search.setClearButtonEnabled(True)
        self.search.setToolTip("Show the modules whose name or help has these words")
        self.tree = _Tree(self)
        self.tree.setObjectName("modules")
        self.tree.setHeaderHidden(True)
        self.tree.setDragEnabled(True)
        self.tree.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.tree.setIndentation(12)
        self.tree.setToolTip("Double-click a module, or drag it into the pipeline")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.search)
        layout.addWidget(self.tree, 1)
        self.modules = load_all()
        self._fill()
        self.search.textChanged.connect(self._on_search)
        self.search.returnPressed.connect(self._on_enter)
        self.tree.itemActivated.connect(self._on_item)

    def _fill(self) -> None:
        families: dict[str, QTreeWidgetItem] = {}
        order = [*_FAMILIES.values(), "Contributed"]
        named = sorted(
            ((_family(m), name, m) for name, m in self.modules.items()),
            key=lambda t: (order.index(t[0]) if t[0] in order else len(order), t[1]),
        )
        for family, name, module in named:
            parent = families.get(family)
            if parent is None:
                parent = families[family] = QTreeWidgetItem(self.tree, [family])
                parent.setFlags(Qt.ItemFlag.ItemIsEnabled)
                parent.setExpanded(True)
            item = QTreeWidgetItem(parent, [name])
            item.setData(0, Qt.ItemDataRole.UserRole, name)
            item.setToolTip(0, _help(module))

    def _on_search(self, text: str) -> None:
        words = text.lower().split()
        for i in range(self.tree.topLevelItemCount()):
            family = self.tree.topLevelItem(i)
            if family is None:
                continue
            shown = 0
            for k in range(family.childCount()):
                item = family.child(k)
                if item is None:
                    continue
                module = self.modules[item.data(0, Qt.ItemDataRole.UserRole)]
                said = f"{module.name} {module.help}".lower()
                item.setHidden(not all(w in said for w in words))
                shown += not item.isHidden()
            family.setHidden(not shown)

    def _on_enter(self) -> None:
        for i in range(self.tree.topLevelItemCount()):
            family = self.tree.topLevelItem(i)
            for k in range(family.childCount() if family is not None else 0):
                item = family.child(k) if family is not None else None
                if item is not None and not item.isHidden():
                    self._on_item(item)
                    return

    def _on_item(self, item: QTreeWidgetItem, _column: int = 0) -> None:
        name = item.data(0, Qt.ItemDataRole.UserRole)
        if name:
            self.wanted.emit(name)


def _help(module: Module) -> str:
    takes = ", ".join(f"{i.name} ({i.pipe})" for i in module.inputs)
    gives = ", ".join(f"{o.name} ({o.pipe})" for o in module.outputs)
    return f"{module.help}\n\nTakes: {takes}\nGives: {gives}\nVersion {module.version}"
