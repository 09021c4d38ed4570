"""The readers as cards, in one column each group, and one for those who will be drawn at random."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QAction, QColor, QDropEvent, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QVBoxLayout,
    QWidget,
)

from reader_app.views import theme

AT_RANDOM = "Drawn at random"
_NARROWEST, _CARD_HEIGHT = 118, 28  # pixels


@dataclass(frozen=True)
class Column:
    """A column of cards; `group` is None for the readers who will be drawn."""

    group: int | None
    readers: tuple[str, ...]
    places: int

    @property
    def name(self) -> str:
        return AT_RANDOM if self.group is None else f"Group {self.group}"

    @property
    def words(self) -> str:
        """How many are in it, and how many can be."""
        return f"{len(self.readers)}" if self.group is None else f"{len(self.readers)} of {self.places} places"


class CardList(QListWidget):
    """The cards of one column; a card that is dropped here is passed on, and stays where it was until that is done."""

    dropped = Signal(str)
    menu_wanted = Signal(str, QPoint)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setMinimumWidth(_NARROWEST)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragDrop)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.setSpacing(3)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._want_menu)

    def dropEvent(self, event: QDropEvent) -> None:
        source = event.source()
        if isinstance(source, CardList) and source is not self and source.currentItem():
            event.setDropAction(Qt.DropAction.IgnoreAction)  # the source removes nothing: the study decides
            event.accept()
            self.dropped.emit(source.currentItem().text())
        else:
            event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self.currentItem():
            self._want_menu(self.visualItemRect(self.currentItem()).center())
        else:
            super().keyPressEvent(event)

    def _want_menu(self, at: QPoint) -> None:
        item = self.itemAt(at) or self.currentItem()
        if item:
            self.menu_wanted.emit(item.text(), self.viewport().mapToGlobal(at))


class GroupBoard(QWidget):
    """Passes on that a reader is to be moved: by dragging a card, or by its menu (right button, Enter or Space)."""

    moved = Signal(str, object)  # reader, group or None

    def __init__(self) -> None:
        super().__init__()
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(8)
        self.lists: list[CardList] = []
        self._columns: tuple[Column, ...] = ()
        self.menu: QMenu | None = None

    def show_columns(self, columns: Sequence[Column], *, is_fixed: bool) -> None:
        """Show them anew; after the opening nothing can be moved."""
        while (item := self._row.takeAt(0)) is not None:
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        self._columns, self.lists = tuple(columns), []
        for column in columns:
            self._row.addWidget(self._column(column, is_fixed))

    def _column(self, column: Column, is_fixed: bool) -> QWidget:
        made = QWidget()
        inside = QVBoxLayout(made)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(2)
        name = QLabel(column.name)
        theme.sized(name, 1.0, is_bold=True)
        count = QLabel(column.words)
        theme.paint(count, text=theme.QUIET)
        cards = CardList(f"{column.name}: {column.words}")
        for reader in column.readers:
            item = QListWidgetItem(reader)
            item.setBackground(QColor(theme.RAISED))
            item.setSizeHint(QSize(0, _CARD_HEIGHT))
            item.setToolTip(f"{reader}: drag it, or press Enter for the groups" if not is_fixed else reader)
            cards.addItem(item)
        if is_fixed:
            cards.setDragDropMode(QAbstractItemView.DragDropMode.NoDragDrop)
        else:
            cards.dropped.connect(lambda reader, group=column.group: self.moved.emit(reader, group))
            cards.menu_wanted.connect(self._show_menu)
        self.lists.append(cards)
        for widget in (name, count):
            inside.addWidget(widget)
        inside.addWidget(cards, 1)
        return made

    def focus_card(self, reader: str) -> None:
        """The keyboard goes where a card has gone."""
        for cards in self.lists:
            for item in cards.findItems(reader, Qt.MatchFlag.MatchExactly):
                cards.setCurrentItem(item)
                cards.setFocus()

    def _show_menu(self, reader: str, at: QPoint) -> None:
        self.menu = QMenu(self)
        self.menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for column in self._columns:
            action = QAction(f"{reader}: {'draw at random' if column.group is None else column.name}", self.menu)
            action.setEnabled(reader not in column.readers)
            action.triggered.connect(lambda _=False, group=column.group: self.moved.emit(reader, group))
            self.menu.addAction(action)
        self.menu.popup(at)
