"""Where voxels lie in a view's picture, and which voxel lies under a point of it. Plain numbers, no Qt, no VTK."""

import math
from dataclasses import dataclass

from reader_app.layout import Plane, Shown, Voxel
from reader_app.state import ViewState

_MARGIN = 1.05  # of air around the head at zoom 1


@dataclass(frozen=True)
class Placement:
    """Voxel i of axis u covers the picture from x0 + i*px_u to x0 + (i+1)*px_u, row r from y0 + r*px_v on.

    Rows count from the top: where axis v runs up the screen, the last voxel is row 0. x0 and y0 are whole pixels of
    the screen, so that at a whole number of pixels a voxel, voxels end where pixels end.
    """

    plane: Plane
    width: int
    height: int
    rows: int  # voxels along v
    px_per_mm: float
    px_u: float
    px_v: float
    x0: int
    y0: int

    def pixel_of(self, vox: Voxel) -> tuple[float, float]:
        """The middle of a voxel, from the picture's upper left corner."""
        u, v = vox[self.plane.u_axis], vox[self.plane.v_axis]
        return self.x0 + (u + 0.5) * self.px_u, self.y0 + (self._flipped(v) + 0.5) * self.px_v

    def voxel_at(self, x: float, y: float, cursor: Voxel) -> Voxel:
        """The voxel under a point of the picture, in the cursor's slice; it may lie beyond the image."""
        vox = list(cursor)
        vox[self.plane.u_axis] = math.floor((x - self.x0) / self.px_u)
        vox[self.plane.v_axis] = self._flipped(math.floor((y - self.y0) / self.px_v))
        return vox[0], vox[1], vox[2]

    def _flipped(self, v: int) -> int:
        return v if self.plane.v_sign > 0 else self.rows - 1 - v


def place(state: ViewState, exam: Shown, plane: Plane, width: int, height: int) -> Placement:
    """Where the state's zoom and pan put a plane in a picture of that many pixels; equal input, equal place."""
    u_axis, v_axis = plane.u_axis, plane.v_axis
    spacing_u, spacing_v = exam.spacing_mm[u_axis], exam.spacing_mm[v_axis]
    low, high = exam.head_box
    head_u = (high[u_axis] - low[u_axis] + 1) * spacing_u
    head_v = (high[v_axis] - low[v_axis] + 1) * spacing_v
    px_per_mm = min(width / head_u, height / head_v) / _MARGIN * state.zoom
    centre_u, centre_v = state.centre_mm(plane)
    pan_u, pan_v = state.pan_mm[plane]
    rows = exam.shape[v_axis]
    from_top = centre_v if plane.v_sign > 0 else rows * spacing_v - centre_v
    return Placement(
        plane=plane,
        width=width,
        height=height,
        rows=rows,
        px_per_mm=px_per_mm,
        px_u=px_per_mm * spacing_u,
        px_v=px_per_mm * spacing_v,
        x0=round(width / 2 + px_per_mm * (pan_u - centre_u)),
        y0=round(height / 2 + px_per_mm * (pan_v - from_top)),
    )
