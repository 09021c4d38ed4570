"""Which side the number keys score, and how a score is typed: the rules of the scoring focus, without Qt."""

from reader_app.session.model import Scale, Side


class ScoreEntry:
    """The focus goes from A to B to Next; None is Next.

    A digit is a whole score, saved at once. Only `1` waits on its side, as `0` may follow and make it 10; a digit
    other than `0` then belongs to the next side, so 1 7 gives A 1 and B 7. There is no time limit: any other act
    ends the wait.
    """

    def __init__(self, scale: Scale) -> None:
        self._scale = scale
        self._waiting: Side | None = None
        self.focus: Side | None = Side.A

    @property
    def waiting(self) -> Side | None:
        """The side whose 1 may still become a 10."""
        return self._waiting

    def open(self, missing: list[Side]) -> None:
        """Start on the first side without a score; on Next if there is none, so that a stray digit changes nothing."""
        self.put_on(missing[0] if missing else None)

    def put_on(self, focus: Side | None) -> None:
        """Choose the side by hand."""
        self._waiting, self.focus = None, focus

    def other(self, *, is_backwards: bool = False) -> None:
        """Tab: the other side; from Next to A, or backwards to B."""
        if self.focus is None:
            self.put_on(Side.B if is_backwards else Side.A)
        else:
            self.put_on(self.focus.other)

    def advance(self) -> None:
        """A to B, B to Next."""
        self.put_on(Side.B if self.focus is Side.A else None)

    def end_wait(self) -> bool:
        """Any act but a digit: a lone 1 stays 1. Returns whether one was waiting."""
        was_waiting = self._waiting is not None
        if was_waiting:
            self.advance()
        return was_waiting

    def type(self, digit: int) -> tuple[Side, int] | None:
        """The side and score a digit stands for, or None if it stands for none here; moves the focus."""
        if self._waiting and digit == 0:
            typed = (self._waiting, 10)
            self.advance()
            return typed
        if self._waiting:
            self.advance()
        if self.focus is None or not self._scale.minimum <= digit <= self._scale.maximum:
            return None
        side = self.focus
        if digit == 1 and self._scale.maximum >= 10:
            self._waiting = side
        else:
            self.advance()
        return side, digit
