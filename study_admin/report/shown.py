"""Numbers of results.json as a page shows them: rounded, and each marked with its place in the results."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

MINUS = "−"
NOTHING = "–"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_REASON = "not_estimable"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Shown:
    """Looks values up by their path, `primary.ci.0`, and shows them. What is not estimable is shown with its reason."""

    def __init__(self, form: Mapping[str, Any]) -> None:
        self._form = form

    def at(self, path: str) -> Any:
        """The value at a path, or the reason that was met on the way to it. Raises KeyError for what is not there."""
        value: Any = self._form
        steps = path.split(".")
        while steps:
            if _is_reason(value):
                return value
            if isinstance(value, list):
                value, steps = value[int(steps[0])], steps[1:]
            else:
                value, steps = _in(value, steps)
        return value

    def has(self, path: str) -> bool:
        """Whether there is a value that can be shown."""
        value = self.at(path)
        return value is not None and not _is_reason(value)

    def number(self, path: str, digits: int = 2, *, times: float = 1, plus: bool = False) -> Markup:
        """A number with so many decimals; `times` 100 makes a share per cent."""
        value = self.at(path)
        if value is None or _is_reason(value):
            return self.why(path)
        text = f"{value * times:+.{digits}f}" if plus else f"{value * times:.{digits}f}"
        if float(text) == 0:
            text = text.lstrip("+-")
        return _marked(path, text.replace("-", MINUS), times)

    def count(self, path: str) -> Markup:
        return self.number(path, 0)

    def units(self, path: str, one: str) -> Markup:
        """1 reader, 20 readers."""
        return Markup("{} {}").format(self.count(path), one if self.at(path) == 1 else f"{one}s")

    def p(self, path: str) -> Markup:
        """A p value with two digits that count: 0.016, 6.5 × 10⁻⁵."""
        value = self.at(path)
        if value is None or _is_reason(value):
            return self.why(path)
        if value >= 0.0995:
            return _marked(path, f"{value:.2f}")
        if value >= 0.000995:
            return _marked(path, f"{value:.3f}" if value >= 0.00995 else f"{value:.4f}")
        mantissa, exponent = f"{value:.1e}".split("e")
        return _marked(path, f"{mantissa} × 10{str(int(exponent)).translate(_SUPERSCRIPT)}")

    def interval(self, path: str, digits: int = 2, *, times: float = 1) -> Markup:
        """0.07 to 0.61."""
        if not self.has(path):
            return self.why(path)
        low, high = (self.number(f"{path}.{end}", digits, times=times) for end in (0, 1))
        return Markup("{} to {}").format(low, high)

    def why(self, path: str) -> Markup:
        """The reason why there is no number, or a dash where none is expected."""
        value = self.at(path)
        if not _is_reason(value):
            return Markup('<span class="none">{}</span>').format(NOTHING)
        return Markup('<span class="none">not estimable, because {}</span>').format(value[_REASON])

    def text(self, path: str) -> Markup:
        value = self.at(path)
        return self.why(path) if value is None or _is_reason(value) else escape(value)


class Tables:
    """Numbers of a page's tables, given in the order in which they come; a page may lack some."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def new(self, name: str) -> int:
        """The number of the table that follows here."""
        return self._numbers.setdefault(name, len(self._numbers) + 1)

    def at(self, *names: str) -> str:
        """Where to look: "Tables 1, 3 and 8"; of tables that came before, and a dash if none of them did."""
        numbers = [str(self._numbers[name]) for name in names if name in self._numbers]
        if len(numbers) < 2:
            return f"Table {numbers[0]}" if numbers else NOTHING
        return f"Tables {', '.join(numbers[:-1])} and {numbers[-1]}"


def _in(value: Mapping[str, Any], steps: list[str]) -> tuple[Any, list[str]]:
    """What lies there under the first step, or under several of them: names of arms and readers may hold dots."""
    for n in range(len(steps), 0, -1):
        name = ".".join(steps[:n])
        if name in value:
            return value[name], steps[n:]
    raise KeyError(steps[0])


class Notes:
    """Reasons that are too long for a table's cells: a letter there, the sentence below the table."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self._reasons: list[str] = []

    def number(self, path: str, digits: int = 2) -> Markup:
        """As `Shown.number`, or "n.e." with the letter of the note that says why."""
        value = self._shown.at(path)
        if not _is_reason(value):
            return self._shown.number(path, digits)
        reason = value[_REASON]
        if reason not in self._reasons:
            self._reasons.append(reason)
        return Markup('<span class="none">n.e.<sup>{}</sup></span>').format(_LETTERS[self._reasons.index(reason)])

    def below(self) -> Markup:
        """The notes of the table that ends here, if it has any."""
        lines = [
            Markup("<sup>{}</sup>&nbsp;not estimable, because {}").format(letter, reason)
            for letter, reason in zip(_LETTERS, self._reasons, strict=False)
        ]
        self._reasons = []
        return Markup('<p class="notes">n.e.: {}.</p>').format(Markup("; ").join(lines)) if lines else Markup("")


def _is_reason(value: Any) -> bool:
    return isinstance(value, Mapping) and _REASON in value


def _marked(path: str, text: str, times: float = 1) -> Markup:
    """<data> is what HTML has for it; a page's numbers can so be held against results.json by anybody."""
    by = Markup(' data-times="{:g}"').format(times) if times != 1 else ""
    return Markup('<data value="{}"{}>{}</data>').format(path, by, text)
