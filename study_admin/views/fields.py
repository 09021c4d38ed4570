"""Fields of the window's forms; the wheel scrolls a form and changes nothing in it."""

from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QWidget,
)

_Spin = TypeVar("_Spin", bound=QAbstractSpinBox)


class Choice(QComboBox):
    """A choice among a few values, each in words."""

    def __init__(self, values: dict, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(12)
        for value, words in values.items():
            self.addItem(words, value)
            self.setItemData(self.count() - 1, words, Qt.ItemDataRole.ToolTipRole)

    def put(self, value: object) -> None:
        self.setCurrentIndex(self.findData(value))

    def wheelEvent(self, event: object) -> None:
        event.ignore()  # type: ignore[attr-defined]


def scrolled(inside: QWidget) -> QScrollArea:
    """A form that is as wide as its place and may be longer."""
    scroll = QScrollArea()
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setWidget(inside)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return scroll


def text_field(name: str) -> QLineEdit:
    """A line of text."""
    made = QLineEdit()
    made.setAccessibleName(name)
    made.setToolTip(name)
    made.setMinimumWidth(60)
    return made


def whole_number(name: str, least: int, most: int) -> QSpinBox:
    """A number without decimals."""
    made = QSpinBox()
    made.setRange(least, most)
    return _deaf_to_the_wheel(made, name)


def points_field(name: str, least: float = 0.01, most: float = 10.0) -> QDoubleSpinBox:
    """Points of the scale, two decimals."""
    made = QDoubleSpinBox()
    made.setRange(least, most)
    made.setDecimals(2)
    made.setSingleStep(0.1)
    made.setSuffix(" points")
    return _deaf_to_the_wheel(made, name)


def variance_field(name: str) -> QDoubleSpinBox:
    """A variance in points squared, three decimals."""
    made = QDoubleSpinBox()
    made.setRange(0, 1000)
    made.setDecimals(3)
    made.setSingleStep(0.05)
    return _deaf_to_the_wheel(made, name)


def _deaf_to_the_wheel(made: _Spin, name: str) -> _Spin:
    made.setAccessibleName(name)
    made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    made.wheelEvent = lambda event: event.ignore()  # type: ignore[method-assign]
    return made


def form_of(*rows: tuple[str, QWidget | QHBoxLayout]) -> QWidget:
    """Rows of a name and a field, no higher than they need to be."""
    made = QWidget()
    made.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
    form = QFormLayout(made)
    form.setContentsMargins(0, 0, 0, 8)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    for words, field in rows:
        form.addRow(words, field)
    return made
