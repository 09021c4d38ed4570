"""The progress bar of the command line, with the time left; on a terminal only."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bar(what: str, unit: str = "step") -> Iterator[Callable[[int, int], None]]:
    """A function that takes the steps done and the steps in all."""
    from tqdm import tqdm  # an extra of the coordinator's; what is missing is said before anybody waits

    with tqdm(unit=unit, desc=what, disable=None) as shown:

        def show(done: int, total: int) -> None:
            shown.total = total
            shown.update(done - shown.n)

        yield show
        show(shown.total or 0, shown.total or 0)
