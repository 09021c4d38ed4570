"""The live picture of a plan's power, and the table of group sizes in which a click is a plan."""

from math import log

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from reader_app.views import theme
from study_admin.power.answer import Answer
from study_admin.power.designs import Growing, Route
from study_admin.power.in_words import LARGER, cell, ends, per_cent

_LINES = {
    Growing.GROUPS: (theme.ACCENT, Qt.PenStyle.SolidLine),
    Growing.READERS: (theme.TEXT, Qt.PenStyle.DashLine),
    Growing.EXAMS: (theme.QUIET, Qt.PenStyle.DotLine),
}
_STEPS = (0.25, 0.5, 1, 2, 4)  # of the plan's readings, on a scale on which doubling is one step
_LEAST, _MOST = 0.2, 4.0


class PowerChart(QWidget):
    """Power along three ways to a larger study; the band is the range of variances."""

    def __init__(self) -> None:
        super().__init__()
        self._answer: Answer | None = None
        self.setMinimumSize(360, 230)
        self.setAccessibleName("Power over designs")

    def show_answer(self, answer: Answer | None) -> None:
        self._answer = answer
        self.setAccessibleDescription(_in_words(answer) if answer else "")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), QColor(theme.BASE))
        if self._answer:
            _Drawing(painter, QRectF(self.rect()), self._answer).draw()


class _Drawing:
    """One answer on one piece of ground."""

    def __init__(self, painter: QPainter, ground: QRectF, answer: Answer) -> None:
        self._painter, self._answer = painter, answer
        self._line = QFontMetricsF(painter.font()).height()
        self._plot = ground.adjusted(3.4 * self._line, self._line, -1.6 * self._line, -2.7 * self._line)

    def _at(self, readings: float, share: float) -> QPointF:
        steps = log(readings / self._answer.plan.readings / _LEAST) / log(_MOST / _LEAST)
        return QPointF(
            self._plot.left() + steps * self._plot.width(), self._plot.bottom() - share * self._plot.height()
        )

    def draw(self) -> None:
        self._axes()
        self._painter.save()
        self._painter.setClipRect(self._plot)
        self._band(self._answer.routes[0])
        for route in self._answer.routes:
            self._route(route)
        self._painter.restore()
        self._plan()
        self._legend()

    def _axes(self) -> None:
        p, plot, plan = self._painter, self._plot, self._answer.plan
        for share in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
            y = self._at(plan.readings, share).y()
            p.setPen(QPen(QColor(theme.RAISED), 1))
            p.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            box = QRectF(0, y - self._line / 2, plot.left() - 6, self._line)
            self._write(box, Qt.AlignmentFlag.AlignRight, f"{100 * share:.0f} %")
        for step in _STEPS:
            readings = max(round(step * plan.readings), 1)
            box = QRectF(self._at(readings, 0).x() - 40, plot.bottom() + 4, 80, self._line)
            self._write(box, Qt.AlignmentFlag.AlignHCenter, str(readings))
        below = QRectF(plot.left(), plot.bottom() + 4 + self._line, plot.width(), self._line)
        self._write(below, Qt.AlignmentFlag.AlignHCenter, "readings in all")
        y = self._at(plan.readings, self._answer.wanted).y()
        p.setPen(QPen(QColor(theme.QUIET), 1, Qt.PenStyle.DotLine))
        p.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))

    def _write(self, box: QRectF, where: Qt.AlignmentFlag, words: str) -> None:
        self._painter.setPen(QColor(theme.QUIET))
        self._painter.drawText(box, int(where | Qt.AlignmentFlag.AlignVCenter), words)

    def _band(self, route: Route) -> None:
        edge = [self._at(n, share) for n, share in zip(route.readings, route.high, strict=True)]
        edge += [self._at(n, share) for n, share in zip(route.readings[::-1], route.low[::-1], strict=True)]
        self._painter.setPen(Qt.PenStyle.NoPen)
        self._painter.setBrush(QBrush(QColor(theme.RAISED)))
        self._painter.drawPolygon(QPolygonF(edge))

    def _route(self, route: Route) -> None:
        colour, style = _LINES[route.growing]
        self._painter.setPen(QPen(QColor(colour), 2, style))
        self._painter.setBrush(Qt.BrushStyle.NoBrush)
        points = [self._at(n, share) for n, share in zip(route.readings, route.power, strict=True)]
        self._painter.drawPolyline(QPolygonF(points))

    def _plan(self) -> None:
        p, answer = self._painter, self._answer
        low, high = (self._at(answer.plan.readings, share) for share in (answer.range.low, answer.range.high))
        p.setPen(QPen(QColor(theme.TEXT), 2))
        p.drawLine(low, high)
        for end in (low, high):
            p.drawLine(end - QPointF(5, 0), end + QPointF(5, 0))
        p.setPen(QPen(QColor(theme.BLACK), 1.5))
        p.setBrush(QBrush(QColor(theme.TEXT)))
        p.drawEllipse(self._at(answer.plan.readings, answer.result.power), 6, 6)

    def _legend(self) -> None:
        """Where the lines are not: below them, or above if the power is low everywhere."""
        metrics = QFontMetricsF(self._painter.font())
        width = max(metrics.horizontalAdvance(words) for words in LARGER.values()) + 48
        height = len(_LINES) * self._line
        is_low = self._answer.result.power < 0.35
        left = self._plot.left() + 10 if is_low else self._plot.right() - width
        top = self._plot.top() + 0.25 * self._plot.height() if is_low else self._plot.bottom() - height - 8
        for number, (growing, (colour, style)) in enumerate(_LINES.items()):
            y = top + (number + 0.5) * self._line
            self._painter.setPen(QPen(QColor(colour), 2, style))
            self._painter.drawLine(QPointF(left, y), QPointF(left + 36, y))
            self._painter.setPen(QColor(theme.TEXT))
            box = QRectF(left + 44, y - self._line / 2, width, self._line)
            self._painter.drawText(
                box, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), LARGER[growing]
            )


def _in_words(answer: Answer) -> str:
    return f"This plan: {per_cent(answer.result.power)} at {answer.plan.readings} readings. {ends(answer)}."


class PowerTable(QTableWidget):
    """Power over readers and exams in each group. A click, or Enter, takes a cell's sizes."""

    sizes_chosen = Signal(int, int)

    def __init__(self) -> None:
        super().__init__()
        self._answer: Answer | None = None
        self.setAccessibleName("Power over readers and exams in each group")
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
            header.setHighlightSections(False)
            header.setMinimumSectionSize(24)
            header.setDefaultAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setMinimumSize(320, 230)
        self.cellClicked.connect(self._choose)
        self.cellActivated.connect(self._choose)

    def show_answer(self, answer: Answer | None) -> None:
        self._answer = answer
        self.clear()
        grid = answer.grid if answer else None
        self.setRowCount(len(grid.power) if grid else 0)
        self.setColumnCount(len(grid.exams_per_group) if grid else 0)
        if answer is None or grid is None:
            return
        self.setHorizontalHeaderLabels([str(exams) for exams in grid.exams_per_group])
        self.setVerticalHeaderLabels([str(readers) for readers in grid.readers_per_group])
        for row, shares in enumerate(grid.power):
            for column, share in enumerate(shares):
                self.setItem(row, column, self._item(answer, row, column, share))
        plan = answer.plan
        at = grid.readers_per_group.index(plan.readers_per_group), grid.exams_per_group.index(plan.exams_per_group)
        self.setCurrentCell(*at)

    def _item(self, answer: Answer, row: int, column: int, share: float) -> QTableWidgetItem:
        readers, exams = answer.grid.readers_per_group[row], answer.grid.exams_per_group[column]
        is_plan = (readers, exams) == (answer.plan.readers_per_group, answer.plan.exams_per_group)
        item = QTableWidgetItem(f"[{cell(share)}]" if is_plan else cell(share))
        item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
        item.setToolTip(f"{readers} readers and {exams} exams in each group: power {per_cent(share)}")
        if share >= answer.wanted:
            font = QFont(self.font())
            font.setBold(True)
            item.setFont(font)
            item.setBackground(QColor(theme.ACCENT_DEEP))
            item.setForeground(QColor(theme.ON_ACCENT))
        return item

    def _choose(self, row: int, column: int) -> None:
        if self._answer:
            grid = self._answer.grid
            self.sizes_chosen.emit(grid.readers_per_group[row], grid.exams_per_group[column])
