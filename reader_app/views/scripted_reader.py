"""A scripted reader: works through a whole study by real key presses and mouse moves, and takes pictures on the way.

What `make demo` runs where there is no display. It sees the window as a person does and knows the answers it typed;
the demonstration compares them with what came to lie on the disk.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

from PySide6.QtCore import QElapsedTimer, QObject, QPoint, Qt, QTimer, Signal

from reader_app.session.model import Side
from reader_app.views.closing_page import ClosingPage
from reader_app.views.ending_pages import ReceiptPage, SignOffPage
from reader_app.views.hand import Hand
from reader_app.views.introduction_page import IntroductionPage
from reader_app.views.main_window import MainWindow
from reader_app.views.page import Page
from reader_app.views.profile_page import ProfilePage
from reader_app.views.reading_page import ReadingPage
from reader_app.views.review_page import ReviewPage
from reader_app.views.study_flow import StudyFlow
from reader_app.views.viewer import ViewersView
from reader_app.views.welcome_page import WelcomePage
from segmentation.errors import StudyError

_LOOK_EVERY_MS = 15
_PATIENCE_MS = 60_000
_SETTLE_MS = 200  # for the picture after the last event to be painted

Claim = Callable[[], bool]


class ScriptedReader(QObject):
    """Reads the study that `window` is about to open. `scores` holds what was typed, by reading and side."""

    finished = Signal(object)  # None, or the StudyError that ended it

    def __init__(self, window: MainWindow, pictures: Path, *, seed: int = 2020) -> None:
        super().__init__()
        self._window, self._pictures = window, pictures
        self._hand = Hand()
        self._random = random.Random(seed)  # a demonstration, nothing that has to stay secret
        self._steps = self._study()
        self._claim: Claim = lambda: True
        self._what = "come up"
        self._waited = QElapsedTimer()
        self._timer = QTimer(self, interval=_LOOK_EVERY_MS)
        self._timer.timeout.connect(self._look)
        self.scores: dict[tuple[str, Side], int] = {}
        self.taken: list[Path] = []

    def start(self) -> None:
        self._waited.start()
        self._timer.start()

    def _look(self) -> None:
        """Once what was awaited has come true, do the next step."""
        try:
            if self._claim():
                self._what, self._claim = next(self._steps)
                self._waited.restart()
            elif self._waited.elapsed() > _PATIENCE_MS:
                raise StudyError(f"The scripted reader waited a minute for the app to {self._what}.")
        except StopIteration:
            self._end(None)
        except StudyError as error:
            self._end(error)

    def _end(self, error: StudyError | None) -> None:
        self._timer.stop()
        self.finished.emit(error)

    # --- the script: each step yields what it waits for ---

    def _study(self) -> Iterator[tuple[str, Claim]]:
        yield "open the package", lambda: self._window.flow is not None
        self._hand.focus(self._window)
        yield from self._first_pages()
        readings = self._flow.sitting.readings
        for number, reading in enumerate(readings):
            yield "show an exam", lambda wanted=reading: self._is_shown(wanted.reading_id)  # type: ignore[misc]
            yield from self._read(number, is_last=number + 1 == len(readings))
        yield from self._closing()
        yield from self._end_pages()

    def _first_pages(self) -> Iterator[tuple[str, Claim]]:
        """Welcome, profile, introduction."""
        yield "welcome the reader", lambda: self._is_on(WelcomePage)
        yield from self._picture("01-welcome")
        self._hand.press("Return")
        yield "ask who reads", lambda: self._is_on(ProfilePage)
        for words in ("Scripted Reader", "Neuroradiology", "14"):
            self._hand.write(words)
            self._hand.press("Return")
            yield from self._pause()
        yield from self._picture("02-profile")
        self._hand.press("Return")
        yield "introduce the task", lambda: self._is_on(IntroductionPage)
        for page in range(3):
            yield from self._picture(f"03-introduction-{page + 1}")
            self._hand.press("Return")
            yield from self._pause()

    def _read(self, number: int, *, is_last: bool) -> Iterator[tuple[str, Claim]]:
        """Look around, then score A by key and B by key or, now and then, by the mouse."""
        if number == 0:
            yield from self._picture("04-first-visit")
            self._hand.press("Escape")
        yield from self._look_around(number)
        a, b = (self._random.randint(4, 10) for _ in Side)
        self._type(Side.A, a)
        yield "save the score of A", lambda: self._saved(Side.A) == a
        if number % 3 == 2:
            slider = self._page.scoring.panels[Side.B].slider
            self._hand.click(slider, slider.centre_of(b).toPoint())
        else:
            self._type(Side.B, b)
        yield "save the score of B", lambda: self._saved(Side.B) == b
        reading = self._flow.sitting.reading
        assert reading
        self.scores |= {(reading.reading_id, Side.A): a, (reading.reading_id, Side.B): b}
        if number == 3:
            yield from self._comment()
        if number == 4:
            yield from self._list_and_help()
        yield from self._picture(f"05-exam-{number + 1:02}-scored")
        self._hand.press("Return")
        if is_last:
            yield "finish", lambda: not self._is_on(ReadingPage)

    def _look_around(self, number: int) -> Iterator[tuple[str, Claim]]:
        """Layouts, layers, crosshair, wheel, brightness, zoom; a different part of it at each exam."""
        layouts = ["F3", "F2", "F4", "F5"]
        self._hand.press(layouts[number % 4])
        yield from self._pause()
        views = self._page_viewers.slice_views(Side.A)
        if views:
            view = views[0]
            middle = view.rect().center()
            self._hand.wheel(view, middle, 3 if number % 2 else -2)
            yield from self._pause()
            self._hand.drag(view, middle, middle + QPoint(12, -8), Qt.MouseButton.LeftButton)
            yield from self._pause()
            self._hand.drag(view, middle, middle + QPoint(20, 10), Qt.MouseButton.RightButton)
            yield from self._pause()
        self._hand.press("Home", "w")
        if number % 4 == 1:
            self._hand.press("o")
        elif number % 4 == 2:
            self._hand.press("o", "t", "plus", "plus", "c")
        elif number % 4 == 3:
            yield from self._wait_for_surfaces()
        yield from self._picture(f"05-exam-{number + 1:02}-looking")

    def _wait_for_surfaces(self) -> Iterator[tuple[str, Claim]]:
        if self._flow.sitting.protocol.is_surface_allowed:
            for side in Side:
                yield "make the surfaces", lambda side=side: self._has_surface(side)  # type: ignore[misc]

    def _has_surface(self, side: Side) -> bool:
        view = self._page_viewers.surface_view(side)
        return view is not None and view.is_ready

    def _comment(self) -> Iterator[tuple[str, Claim]]:
        self._hand.press("k")
        yield from self._pause()
        self._hand.write("Satellite in the temporal lobe is missed on this side.")
        yield from self._picture("06-comment")
        self._hand.press("Return")
        yield "save the comment", lambda: self._flow.sitting.answers.has_comment

    def _list_and_help(self) -> Iterator[tuple[str, Claim]]:
        self._hand.press("l")
        yield from self._picture("07-exam-list")
        self._hand.press("Escape")
        yield from self._pause()
        self._hand.press("F1")
        yield from self._picture("08-help")
        self._hand.press("F1")
        yield "close the help", lambda: self._is_on(ReadingPage)

    def _closing(self) -> Iterator[tuple[str, Claim]]:
        for number in range(len(self._flow.sitting.open_questions())):
            yield "ask a closing question", lambda: self._is_on(ClosingPage)
            yield "show the exam it is about", self._is_asked_exam_shown
            asked = len(self._flow.sitting.open_questions())
            self._hand.press("3")
            yield from self._pause()
            self._hand.press("1")
            yield from self._picture(f"09-closing-{number + 1}")
            self._hand.press("Return")
            yield "save the answer", lambda asked=asked: len(self._flow.sitting.open_questions()) < asked  # type: ignore[misc]

    def _end_pages(self) -> Iterator[tuple[str, Claim]]:
        """Review, signature, receipt."""
        yield "show all scores", lambda: self._is_on(ReviewPage)
        yield from self._picture("10-review")
        self._hand.press("Return")
        yield "ask for the signature", lambda: self._is_on(SignOffPage)
        yield from self._picture("11-sign-off")
        self._hand.press("Return")
        yield "show the receipt", lambda: self._is_on(ReceiptPage)
        yield from self._picture("12-receipt")

    # --- what it does and sees ---

    def _type(self, side: Side, value: int) -> None:
        """The digits of a score; after a lone 1 the app waits for a 0, and Tab says that none will come."""
        self._hand.press(*str(value))
        if value == 1:
            self._hand.press("Tab")

    def _saved(self, side: Side) -> int | None:
        return self._flow.sitting.answers.side(side).score

    def _picture(self, name: str) -> Iterator[tuple[str, Claim]]:
        """A screenshot, once the window has come to rest."""
        yield from self._pause()
        path = self._pictures / f"{name}.png"
        if not self._window.grab().save(str(path)):
            raise StudyError("The screenshot could not be written.", file=path, remedy="Is the disk full?")
        self.taken.append(path)

    def _pause(self) -> Iterator[tuple[str, Claim]]:
        since = QElapsedTimer()
        since.start()
        yield "settle", lambda: since.elapsed() > _SETTLE_MS

    def _is_on(self, page: type[Page]) -> bool:
        return isinstance(self._window.page, page)

    def _is_shown(self, reading_id: str) -> bool:
        reading = self._flow.sitting.reading
        is_open = self._is_on(ReadingPage) and reading is not None and reading.reading_id == reading_id
        return is_open and self._page.is_seen

    def _is_asked_exam_shown(self) -> bool:
        """Of a closing question; one about the whole study shows none."""
        looking = self._flow.looking
        return not looking.isVisible() or (looking.viewers.isVisible() and looking.viewers.is_painted)

    @property
    def _flow(self) -> StudyFlow:
        assert self._window.flow
        return self._window.flow

    @property
    def _page(self) -> ReadingPage:
        return self._flow.reading_page

    @property
    def _page_viewers(self) -> ViewersView:
        return self._flow.looking.viewers
