"""The one palette: neutral dark greys for reading rooms, one muted accent, amber for trouble. Red belongs to masks."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QStyleFactory, QWidget

BLACK = "#000000"
BASE = "#161616"
WINDOW = "#1f1f1f"
RAISED = "#323232"
LINE = "#5a5a5a"
TEXT = "#dedede"
QUIET = "#a8a8a8"
DISABLED = "#7d7d7d"
ACCENT = "#6fb3a8"
ACCENT_DEEP = "#24564f"
ON_ACCENT = "#ffffff"
AMBER = "#e3b04b"
ON_AMBER = "#1a1400"

# All words of the app: what is written, and what it stands on. Each pair has at least 4.5 : 1 (WCAG 2.2, 1.4.3).
TEXT_PAIRS = [
    *((text, ground) for text in (TEXT, QUIET, ACCENT, AMBER) for ground in (BLACK, BASE, WINDOW, RAISED)),
    (ON_ACCENT, ACCENT_DEEP),
    (ON_AMBER, AMBER),
]

MINIMUM_PT = 11.0

_Role = QPalette.ColorRole
_COLOURS = {
    _Role.Window: WINDOW,
    _Role.WindowText: TEXT,
    _Role.Base: BASE,
    _Role.AlternateBase: WINDOW,
    _Role.Text: TEXT,
    _Role.Button: RAISED,
    _Role.ButtonText: TEXT,
    _Role.BrightText: ON_ACCENT,
    _Role.ToolTipBase: RAISED,
    _Role.ToolTipText: TEXT,
    _Role.PlaceholderText: QUIET,
    _Role.Highlight: ACCENT_DEEP,
    _Role.HighlightedText: ON_ACCENT,
    _Role.Accent: ACCENT,
    _Role.Link: ACCENT,
    _Role.LinkVisited: ACCENT,
    _Role.Light: LINE,
    _Role.Midlight: LINE,
    _Role.Mid: LINE,
    _Role.Dark: BLACK,
    _Role.Shadow: BLACK,
}


def apply(app: QApplication) -> None:
    """Give the whole application its style, palette and type, and take its animations away."""
    app.setStyle(QStyleFactory.create("Fusion"))
    app.setPalette(palette())
    font = app.font()
    font.setPointSizeF(max(MINIMUM_PT, font.pointSizeF()))
    font.setFeature(QFont.Tag("tnum"), 1)
    app.setFont(font)
    for effect in (Qt.UIEffect.UI_AnimateMenu, Qt.UIEffect.UI_AnimateCombo, Qt.UIEffect.UI_AnimateTooltip):
        app.setEffectEnabled(effect, False)


def palette() -> QPalette:
    """Fusion's colours, each from the names above."""
    made = QPalette()
    for role, colour in _COLOURS.items():
        made.setColor(role, QColor(colour))
    for role in (_Role.WindowText, _Role.Text, _Role.ButtonText, _Role.HighlightedText):
        made.setColor(QPalette.ColorGroup.Disabled, role, QColor(DISABLED))
    return made


def paint(widget: QWidget, *, text: str | None = None, ground: str | None = None) -> None:
    """Colour one widget apart from the rest while it is enabled: its words, what they stand on, or both."""
    own = widget.palette()
    is_button = isinstance(widget, QPushButton)
    for group in (QPalette.ColorGroup.Active, QPalette.ColorGroup.Inactive):
        if text:
            own.setColor(group, _Role.ButtonText if is_button else _Role.WindowText, QColor(text))
            own.setColor(group, _Role.Text, QColor(text))
        if ground:
            own.setColor(group, _Role.Button if is_button else _Role.Window, QColor(ground))
    widget.setAutoFillBackground(bool(ground) and not is_button)
    widget.setPalette(own)


def mark(button: QPushButton, is_chosen: bool) -> None:
    """Show which of several buttons is the chosen one."""
    paint(button, text=ON_ACCENT if is_chosen else TEXT, ground=ACCENT_DEEP if is_chosen else RAISED)


def primary(button: QPushButton) -> QPushButton:
    """Mark a page's next step; each page has one."""
    paint(button, text=ON_ACCENT, ground=ACCENT_DEEP)
    button.setDefault(True)
    return button


def sized(widget: QWidget, factor: float, *, is_bold: bool = False) -> QWidget:
    """Type of a different size."""
    font = QApplication.font()
    font.setPointSizeF(font.pointSizeF() * factor)
    font.setBold(is_bold)
    widget.setFont(font)
    return widget


def heading(text: str) -> QLabel:
    """A page's first line."""
    label = QLabel(text)
    label.setWordWrap(True)
    sized(label, 1.6)
    return label


def paragraph(text: str, *, is_quiet: bool = False) -> QLabel:
    """Running text in one column."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    if is_quiet:
        paint(label, text=QUIET)
    return label
