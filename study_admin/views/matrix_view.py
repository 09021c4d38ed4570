"""The reader × exam matrix as a picture: one row a reader, one column an exam, the groups as blocks."""

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QHelpEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QToolTip, QWidget

from reader_app.views import theme
from study_admin.views.matrix import Matrix

_LARGEST_CELL, _SMALLEST_ROW = 26.0, 5.0
_GAP_PX = 1.0


class MatrixView(QWidget):
    """Paints a matrix as large as there is room; pointing at a cell tells who reads what."""

    def __init__(self) -> None:
        super().__init__()
        self._matrix: Matrix | None = None
        self.setMinimumSize(QSize(420, 150))
        self.setAccessibleName("Readers and exams")

    @property
    def matrix(self) -> Matrix | None:
        return self._matrix

    def show_matrix(self, matrix: Matrix | None) -> None:
        self._matrix = matrix
        self.setAccessibleDescription(matrix.summary() if matrix else "")
        self.update()

    # --- places ---

    def _area(self) -> QRectF:
        """Where the cells are: words of rows at the left, those of columns above."""
        matrix = self._matrix
        assert matrix
        metrics = QFontMetricsF(self.font())
        names = [name or "drawn" for name in matrix.readers]
        left = max([metrics.horizontalAdvance(name) for name in names], default=0.0)
        left += metrics.horizontalAdvance("group 00") + 24
        top = 2 * metrics.height() + 8
        width, height = self.width() - left - 8, self.height() - top - 6
        cell = QSize(len(matrix.exams), len(matrix.readers))
        return QRectF(
            left,
            top,
            min(width, cell.width() * _LARGEST_CELL * 2),
            min(height, cell.height() * _LARGEST_CELL),
        )

    def cell_rect(self, row: int, column: int) -> QRectF:
        """The rectangle of one cell."""
        matrix = self._matrix
        assert matrix
        area = self._area()
        width, height = area.width() / len(matrix.exams), area.height() / len(matrix.readers)
        return QRectF(area.left() + column * width, area.top() + row * height, width, height)

    def cell_at(self, point: QPointF) -> tuple[int, int] | None:
        """Row and column at a place; None outside."""
        matrix = self._matrix
        if not matrix or not matrix.exams or not matrix.readers or not self._area().contains(point):
            return None
        area = self._area()
        row = int((point.y() - area.top()) / area.height() * len(matrix.readers))
        column = int((point.x() - area.left()) / area.width() * len(matrix.exams))
        return min(row, len(matrix.readers) - 1), min(column, len(matrix.exams) - 1)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            cell = self.cell_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), self._matrix.words_at(*cell) if cell and self._matrix else "", self)
            return True
        return super().event(event)

    # --- paint ---

    def paintEvent(self, event: QPaintEvent) -> None:
        matrix = self._matrix
        if not matrix or not matrix.exams or not matrix.readers:
            return
        painter = QPainter(self)
        painter.fillRect(self._area(), QColor(theme.BASE))
        for row in range(len(matrix.readers)):
            for column in range(len(matrix.exams)):
                if matrix.is_read(row, column):
                    self._paint_cell(painter, row, column)
        self._paint_blocks(painter)
        self._paint_names(painter)

    def _paint_cell(self, painter: QPainter, row: int, column: int) -> None:
        matrix = self._matrix
        assert matrix
        cell = self.cell_rect(row, column)
        gap = _GAP_PX if min(cell.width(), cell.height()) > 4 else 0.0
        inner = cell.adjusted(gap, gap, -gap, -gap)
        if matrix.is_drawn:
            painter.fillRect(inner, QColor(theme.ACCENT))
        else:
            painter.fillRect(inner, QColor(theme.ACCENT_DEEP if matrix.readers[row] else theme.RAISED))

    def _paint_blocks(self, painter: QPainter) -> None:
        """A frame around each group, and its name above its exams."""
        matrix = self._matrix
        assert matrix
        line = QFontMetricsF(self.font()).height()
        painter.setPen(QPen(QColor(theme.QUIET), 1))
        for rows, columns in zip(matrix.reader_blocks, matrix.exam_blocks, strict=True):
            first = self.cell_rect(rows.first, columns.first)
            last = self.cell_rect(rows.first + rows.count - 1, columns.first + columns.count - 1)
            painter.drawRect(first.united(last))
            head = QRectF(first.left(), 2, last.right() - first.left(), line)
            name = f"group {columns.group}" if head.width() > 60 else str(columns.group)
            painter.drawText(head, Qt.AlignmentFlag.AlignHCenter, name)
            count = f"{columns.count} exams" if head.width() > 64 else str(columns.count)
            painter.drawText(head.translated(0, line), Qt.AlignmentFlag.AlignHCenter, count)

    def _paint_names(self, painter: QPainter) -> None:
        """The readers' codes; where rows are too low for words, the groups alone."""
        matrix = self._matrix
        assert matrix
        area, line = self._area(), QFontMetricsF(self.font()).height()
        is_roomy = self.cell_rect(0, 0).height() >= line - 4
        for block in matrix.reader_blocks:
            top = self.cell_rect(block.first, 0).top()
            painter.setPen(QColor(theme.QUIET))
            painter.drawText(QPointF(4, top + line - 5), f"group {block.group}")
            for row in range(block.first, block.first + block.count) if is_roomy else ():
                cell = self.cell_rect(row, 0)
                place = QRectF(0, cell.center().y() - line / 2, area.left() - 8, line)
                painter.setPen(QColor(theme.TEXT if matrix.readers[row] else theme.QUIET))
                flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                painter.drawText(place, flags, matrix.readers[row] or "drawn")
