"""Where each view stands within a side. Plain numbers: both sides are laid out by the same call, so they are equal."""

from reader_app.layout import Layout

Rect = tuple[int, int, int, int]  # x, y, width, height
_GAP = 2
_ROWS_OF_BOTH = (37, 31, 32)  # an axial head is higher than a sagittal or coronal one
_LARGE_SHARE = 0.6


def arrange(layout: Layout, view_count: int, width: int, height: int) -> list[Rect]:
    """One rectangle for each view of `ViewState.views()`, and one more for the 3-D pane in its layout."""
    whole = (0, 0, width, height)
    if view_count == 1:
        return [whole]
    if layout is Layout.BOTH:
        columns = view_count // 3
        rows = _split(height, _ROWS_OF_BOTH)
        return [(x, y, w, h) for y, h in rows for x, w in _split(width, (1,) * columns)]
    if layout is Layout.SURFACE:
        return [(x, y, w, h) for y, h in _split(height, (1, 1)) for x, w in _split(width, (1, 1))]
    if width >= height:  # the axial view large at the left, the others beside it
        (x0, w0), (x1, w1) = _split(width, (_LARGE_SHARE, 1 - _LARGE_SHARE))
        return [(x0, 0, w0, height), *((x1, y, w1, h) for y, h in _split(height, (1, 1)))]
    (y0, h0), (y1, h1) = _split(height, (_LARGE_SHARE, 1 - _LARGE_SHARE))
    return [(0, y0, width, h0), *((x, y1, w, h1) for x, w in _split(width, (1, 1)))]


def _split(length: int, shares: tuple[float, ...]) -> list[tuple[int, int]]:
    """Start and length of each part, with gaps between them."""
    free = length - _GAP * (len(shares) - 1)
    parts, start, given = [], 0, 0.0
    for n, share in enumerate(shares):
        given += share
        end = round(free * given / sum(shares)) + n * _GAP
        parts.append((start, max(end - start, 1)))
        start = end + _GAP
    return parts
