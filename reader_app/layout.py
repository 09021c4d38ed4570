"""The choices about looking: layouts, planes, and how a segmentation is drawn."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from reader_app.window import Window

Voxel = tuple[int, int, int]


class Layout(StrEnum):
    """What stands on each side; always the same on both."""

    BOTH = "both layers"
    ONE = "one layer"
    PLANE = "one plane"
    SURFACE = "3-D"


class Plane(StrEnum):
    """A cut through a volume whose axes run to the patient's left, back and head (LPS).

    On the screen, radiological convention: axial R left and A up; coronal R left and S up; sagittal A left and S up.
    """

    AXIAL = "axial"
    SAGITTAL = "sagittal"
    CORONAL = "coronal"

    @property
    def u_axis(self) -> int:
        """The voxel axis that runs to the right of the screen."""
        return 1 if self is Plane.SAGITTAL else 0

    @property
    def v_axis(self) -> int:
        """The voxel axis that runs down or up the screen."""
        return 1 if self is Plane.AXIAL else 2

    @property
    def normal_axis(self) -> int:
        """The voxel axis that scrolling moves along."""
        return 3 - self.u_axis - self.v_axis

    @property
    def v_sign(self) -> int:
        """+1 if a growing index runs down the screen, -1 if up."""
        return 1 if self is Plane.AXIAL else -1


class OverlayStyle(StrEnum):
    """How a segmentation is drawn."""

    FILL = "fill"
    OUTLINE = "outline"


class Shown(Protocol):
    """What the state has to know of an exam; `ExamImages` is one."""

    @property
    def layer_names(self) -> tuple[str, ...]: ...
    @property
    def shape(self) -> Voxel: ...
    @property
    def spacing_mm(self) -> tuple[float, float, float]: ...
    @property
    def presets(self) -> Mapping[str, Mapping[str, Window]]: ...
    @property
    def start_vox(self) -> Voxel: ...
    @property
    def head_box(self) -> tuple[Voxel, Voxel]: ...
