"""Stage 2: who reads what. Until the study opens, readers may be put into groups by hand; the rest is drawn then."""

from collections.abc import Sequence

from PySide6.QtWidgets import QHBoxLayout

from reader_app.views import theme
from study_admin import conduct
from study_admin.records import Stage
from study_admin.views.group_board import Column, GroupBoard
from study_admin.views.matrix import matrix_of
from study_admin.views.matrix_view import MatrixView
from study_admin.views.snapshot import Snapshot
from study_admin.views.stage_page import StagePage, button, caption
from study_admin.views.walk import Walk

_DRAFT = (
    "Exams, groups, orders and sides are drawn once, when the study opens. Until then you may put readers into a "
    "group by hand: drag their cards, or press Enter on a card."
)
_FIXED = "Drawn and stored: each row is a reader, each column an exam. Point at a cell to see who reads what."


class GroupsPage(StagePage):
    """The matrix as a picture above, the readers as cards below."""

    def __init__(self, walk: Walk) -> None:
        super().__init__(walk, "Readers & groups")
        self.matrix, self.board = MatrixView(), GroupBoard()
        self.summary = theme.paragraph("")
        self.board.moved.connect(self.assign)
        self.body.addWidget(self.summary)
        self.body.addWidget(self.matrix, 3)
        row = QHBoxLayout()
        row.addWidget(caption("Readers"))
        row.addStretch()
        self.body.addLayout(row)
        self.body.addWidget(self.board, 2)
        self.go_on = button("Go on: seal and open…", lambda: walk.stage_wanted.emit(2))
        self.draw_all = button("Draw all at random", self._draw_all, "Takes back what was chosen by hand")
        self.power = button("Power of this design…", walk.power_wanted.emit, "How likely it is to find a difference")
        self.add_steps(self.go_on, self.draw_all, self.power)
        self.show_study(None)

    def show_study(self, snapshot: Snapshot | None) -> None:
        is_fixed = snapshot is not None and snapshot.stage is not Stage.DRAFT
        self.sentence.setText(
            "Write the study first (stage 1)." if snapshot is None else _FIXED if is_fixed else _DRAFT
        )
        for widget in (self.matrix, self.board, self.summary, self.go_on, self.power):
            widget.setEnabled(snapshot is not None)
        matrix = matrix_of(snapshot) if snapshot else None
        self.matrix.show_matrix(matrix)
        self.summary.setText(matrix.summary() if matrix else "")
        self.board.show_columns(columns_of(snapshot) if snapshot else (), is_fixed=is_fixed)
        self.draw_all.setVisible(not is_fixed)
        self.draw_all.setEnabled(bool(snapshot and any(reader.chosen_group for reader in snapshot.readers)))
        self.go_on.setText("Go on: hand out…" if is_fixed else "Go on: seal and open…")

    def assign(self, reader: str, group: int | None) -> None:
        """Put a reader into a group, or among those who are drawn."""
        folder, who = self.walk.folder, self.walk.who
        assert folder
        self.walk.do(
            "Moving a reader",
            lambda _: conduct.choose_groups(folder, {reader: group}, who=who),
            lambda _: self.board.focus_card(reader),
            is_cancellable=False,
        )

    def _draw_all(self) -> None:
        folder, who, snapshot = self.walk.folder, self.walk.who, self.walk.snapshot
        assert folder and snapshot
        chosen = [reader.code for reader in snapshot.readers if reader.chosen_group is not None]

        def act(_: object) -> None:
            for reader in chosen:
                conduct.choose_groups(folder, {reader: None}, who=who)

        self.walk.do("Taking choices back", act, lambda _: None, is_cancellable=False)


def columns_of(snapshot: Snapshot) -> Sequence[Column]:
    """The board's columns: who is drawn, then the groups; after the opening the groups alone."""
    sizes = snapshot.study.group_sizes
    is_open = snapshot.opening is not None
    columns = []
    for group, size in enumerate(sizes, start=1):
        members = [r.code for r in snapshot.readers if (r.group if is_open else r.chosen_group) == group]
        columns.append(Column(group, tuple(members), size.readers))
    if is_open:
        return columns
    free = tuple(reader.code for reader in snapshot.readers if reader.chosen_group is None)
    return [Column(None, free, len(snapshot.readers)), *columns]
