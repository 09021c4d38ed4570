"""What is on the screen: one object for both viewers, so that A and B cannot show different places or looks.

Plain Python, no Qt: widgets read the properties, call the intents, and are called back after any change.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from reader_app.layout import Layout, OverlayStyle, Plane, Shown, Voxel
from reader_app.resume import checked
from reader_app.window import PRESETS, Window

__all__ = ["PRESETS", "Layout", "OverlayStyle", "Plane", "Shown", "ViewState", "Voxel", "Window"]

_MIN_ZOOM, _MAX_ZOOM = 0.25, 40.0
_START_OPACITY = 0.35


class ViewState:
    """Everything about looking: place, zoom, window, layout, overlay. Read-only properties; intents change it."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[], None]] = []
        self._exam: Shown | None = None
        self._cursor_vox: Voxel = (0, 0, 0)
        self._layer = ""
        self._layout = Layout.ONE
        self._plane = Plane.AXIAL
        self._windows: dict[str, Window] = {}
        self._opacity = _START_OPACITY
        self._is_overlay_shown = True
        self._overlay_style = OverlayStyle.FILL
        self._is_interpolated = True
        self._is_crosshair_shown = True
        self._zoom = 1.0
        self._pan_mm = dict.fromkeys(Plane, (0.0, 0.0))
        self._maximised: Plane | None = None
        self._is_surface_allowed = False
        self._surface_turn_deg = (0.0, 0.0)

    # --- what is shown ---

    @property
    def exam(self) -> Shown | None:
        return self._exam

    @property
    def cursor_vox(self) -> Voxel:
        return self._cursor_vox

    @property
    def layers(self) -> tuple[str, ...]:
        return self._exam.layer_names if self._exam else ()

    @property
    def layer(self) -> str:
        """The layer in front, or the one last pointed at where several are shown; "" without an exam."""
        return self._layer

    @property
    def layout(self) -> Layout:
        return self._layout

    @property
    def plane(self) -> Plane:
        """The plane of the layout with one plane."""
        return self._plane

    @property
    def windows(self) -> dict[str, Window]:
        return dict(self._windows)

    @property
    def opacity(self) -> float:
        return self._opacity

    @property
    def is_overlay_shown(self) -> bool:
        return self._is_overlay_shown

    @property
    def overlay_style(self) -> OverlayStyle:
        return self._overlay_style

    @property
    def is_interpolated(self) -> bool:
        return self._is_interpolated

    @property
    def is_crosshair_shown(self) -> bool:
        return self._is_crosshair_shown

    @property
    def zoom(self) -> float:
        """1 fits the head into each view."""
        return self._zoom

    @property
    def pan_mm(self) -> dict[Plane, tuple[float, float]]:
        """How far the picture of each plane is moved to the right and down."""
        return dict(self._pan_mm)

    @property
    def maximised(self) -> tuple[str, Plane] | None:
        return (self._layer, self._maximised) if self._maximised else None

    @property
    def is_surface_allowed(self) -> bool:
        """Whether the study shows 3-D surfaces; without it their layout cannot be chosen."""
        return self._is_surface_allowed

    @property
    def surface_turn_deg(self) -> tuple[float, float]:
        """How far the surfaces are turned from the view from the front: around the body's axis, and up."""
        return self._surface_turn_deg

    def views(self) -> list[tuple[str, Plane]]:
        """The slices each side shows, in reading order."""
        if not self._exam:
            return []
        if self._maximised:
            return [(self._layer, self._maximised)]
        if self._layout is Layout.BOTH:
            return [(layer, plane) for plane in Plane for layer in self.layers]
        planes = [self._plane] if self._layout is Layout.PLANE else list(Plane)
        return [(self._layer, plane) for plane in planes]

    def visible_slices(self) -> list[tuple[str, Plane, int]]:
        """Layer, plane and slice index of each view, for the exposure record."""
        return [(layer, plane, self._cursor_vox[plane.normal_axis]) for layer, plane in self.views()]

    def preset_name(self, layer: str) -> str:
        """The preset a layer's window is equal to, or "" after it was set by hand."""
        presets = self._exam.presets.get(layer, {}) if self._exam else {}
        return next((name for name in PRESETS if presets.get(name) == self._windows.get(layer)), "")

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back after any change; returns what ends it."""
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback) if callback in self._callbacks else None

    # --- exams ---

    def open_exam(self, exam: Shown) -> None:
        """The hanging protocol: start slice, first layer, auto windows, whole head; the reader's preferences stay."""
        self._exam = exam
        self._cursor_vox = exam.start_vox
        self._layer = exam.layer_names[0]
        self._windows = {layer: exam.presets[layer]["auto"] for layer in exam.layer_names}
        self._zoom = 1.0
        self._pan_mm = dict.fromkeys(Plane, (0.0, 0.0))
        self._maximised = None
        self._changed()

    def close_exam(self) -> None:
        self._exam, self._layer, self._windows, self._maximised = None, "", {}, None
        self._changed()

    # --- place ---

    def move_cursor(self, vox: tuple[int, int, int]) -> None:
        """Put the crosshair on a voxel, or on the nearest one of the image."""
        if self._exam:
            i, j, k = (min(max(int(v), 0), n - 1) for v, n in zip(vox, self._exam.shape, strict=True))
            self._set("_cursor_vox", (i, j, k))

    def move_by(self, plane: Plane, du: int, dv: int) -> None:
        """Move the crosshair by voxels to the right and down in a plane's view."""
        self._step(plane.u_axis, du, plane.v_axis, dv * plane.v_sign)

    def scroll(self, plane: Plane, steps: int) -> None:
        """Go to a higher slice index (left, back, head) by positive steps."""
        self._step(plane.normal_axis, steps, plane.normal_axis, 0)

    def set_slice(self, plane: Plane, index: int) -> None:
        """Go to one slice of a plane."""
        self.scroll(plane, index - self._cursor_vox[plane.normal_axis])

    def go_to_start(self) -> None:
        if self._exam:
            self.move_cursor(self._exam.start_vox)

    def _step(self, axis_1: int, steps_1: int, axis_2: int, steps_2: int) -> None:
        vox = list(self._cursor_vox)
        vox[axis_1] += steps_1
        vox[axis_2] += steps_2
        self.move_cursor((vox[0], vox[1], vox[2]))

    # --- zoom and pan ---

    def zoom_by(self, factor: float) -> None:
        """Zoom in (> 1) or out; the crosshair stays where it is on the screen."""
        zoom = min(max(self._zoom * factor, _MIN_ZOOM), _MAX_ZOOM)
        if not self._exam or zoom == self._zoom:
            return
        ratio, self._zoom = self._zoom / zoom, zoom
        for plane, (pan_u, pan_v) in self._pan_mm.items():
            u, v = self._cursor_from_centre_mm(plane)
            self._pan_mm[plane] = self._within(plane, ratio * (u + pan_u) - u, ratio * (v + pan_v) - v)
        self._changed()

    def pan_by(self, plane: Plane, du_mm: float, dv_mm: float) -> None:
        """Move the picture of a plane to the right and down."""
        pan_u, pan_v = self._pan_mm[plane]
        self._set("_pan_mm", self._pan_mm | {plane: self._within(plane, pan_u + du_mm, pan_v + dv_mm)})

    def centre_on_cursor(self) -> None:
        """Pan every plane so that the crosshair is in the middle of its view."""
        if self._exam:
            pans = {plane: self._cursor_from_centre_mm(plane) for plane in Plane}
            self._set("_pan_mm", {plane: self._within(plane, -u, -v) for plane, (u, v) in pans.items()})

    def centre_mm(self, plane: Plane) -> tuple[float, float]:
        """The middle of the head in a plane, in mm from the corner of voxel 0, along u and v."""
        assert self._exam
        low, high = self._exam.head_box
        u, v = ((low[a] + high[a] + 1) / 2 * self._exam.spacing_mm[a] for a in (plane.u_axis, plane.v_axis))
        return u, v

    def _cursor_from_centre_mm(self, plane: Plane) -> tuple[float, float]:
        """From the middle of the head to the crosshair, to the right and down."""
        assert self._exam
        centre_u, centre_v = self.centre_mm(plane)
        spacing = self._exam.spacing_mm
        u = (self._cursor_vox[plane.u_axis] + 0.5) * spacing[plane.u_axis] - centre_u
        v = (self._cursor_vox[plane.v_axis] + 0.5) * spacing[plane.v_axis] - centre_v
        return u, v * plane.v_sign

    def _within(self, plane: Plane, pan_u: float, pan_v: float) -> tuple[float, float]:
        """A pan that leaves some of the image in the view."""
        if not self._exam:
            return 0.0, 0.0
        farther = max(1.0, 1 / self._zoom)  # zooming out about a point far from the middle needs more
        limits = [self._exam.shape[a] * self._exam.spacing_mm[a] * farther for a in (plane.u_axis, plane.v_axis)]
        u, v = (min(max(p, -limit), limit) for p, limit in zip((pan_u, pan_v), limits, strict=True))
        return u, v

    # --- layers and layout ---

    def set_layer(self, layer: str) -> None:
        if layer in self.layers:
            self._set("_layer", layer)

    def toggle_layer(self) -> None:
        """The next layer, after the last the first."""
        if self._exam:
            self.set_layer(self.layers[(self.layers.index(self._layer) + 1) % len(self.layers)])

    def set_layout(self, layout: Layout) -> None:
        if layout is Layout.SURFACE and not self._is_surface_allowed:
            return
        self._maximised, was = None, self._maximised
        self._set("_layout", Layout(layout), is_forced=was is not None)

    def cycle_layout(self) -> None:
        """Both layers, one layer, one plane, and again; the 3-D pane has its own key, as it may be off."""
        order = (Layout.BOTH, Layout.ONE, Layout.PLANE)
        following = order[(order.index(self._layout) + 1) % 3] if self._layout in order else Layout.BOTH
        self.set_layout(following)

    def set_plane(self, plane: Plane) -> None:
        self._set("_plane", Plane(plane))

    def maximise(self, layer: str, plane: Plane) -> None:
        """Let one view fill each side."""
        if layer in self.layers:
            self._layer = layer
            self._set("_maximised", Plane(plane), is_forced=True)

    def restore_layout(self) -> None:
        self._set("_maximised", None)

    def allow_surface(self, is_allowed: bool) -> None:
        self._is_surface_allowed = is_allowed
        if not is_allowed and self._layout is Layout.SURFACE:
            self._layout = Layout.ONE
        self._changed()

    def turn_surface(self, around_deg: float, up_deg: float) -> None:
        around, up = self._surface_turn_deg
        self._set("_surface_turn_deg", ((around + around_deg) % 360, min(max(up + up_deg, -89.0), 89.0)))

    # --- looks ---

    def set_window(self, layer: str, window: Window) -> None:
        if layer in self._windows and window.is_valid:
            self._set("_windows", self._windows | {layer: window})

    def set_preset(self, layer: str, name: str) -> None:
        if self._exam and layer in self._windows:
            self.set_window(layer, self._exam.presets[layer][name])

    def auto_window(self, layer: str) -> None:
        self.set_preset(layer, "auto")

    def next_preset(self, layer: str) -> None:
        """The next of auto, narrow, wide, full range; auto after a window set by hand."""
        name = self.preset_name(layer)
        self.set_preset(layer, PRESETS[(PRESETS.index(name) + 1) % len(PRESETS)] if name else "auto")

    def set_opacity(self, opacity: float) -> None:
        if math.isfinite(opacity):
            self._set("_opacity", min(max(float(opacity), 0.0), 1.0))

    def toggle_overlay(self) -> None:
        self._set("_is_overlay_shown", not self._is_overlay_shown)

    def toggle_style(self) -> None:
        is_fill = self._overlay_style is OverlayStyle.FILL
        self._set("_overlay_style", OverlayStyle.OUTLINE if is_fill else OverlayStyle.FILL)

    def toggle_interpolation(self) -> None:
        self._set("_is_interpolated", not self._is_interpolated)

    def toggle_crosshair(self) -> None:
        self._set("_is_crosshair_shown", not self._is_crosshair_shown)

    def reset(self) -> None:
        """Whole head, auto windows, crosshair and segmentation shown; the place stays."""
        self._zoom, self._maximised, self._surface_turn_deg = 1.0, None, (0.0, 0.0)
        self._pan_mm = dict.fromkeys(Plane, (0.0, 0.0))
        self._is_overlay_shown = self._is_crosshair_shown = True
        if self._exam:
            self._windows = {layer: self._exam.presets[layer]["auto"] for layer in self.layers}
        self._changed()

    # --- resume ---

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values; `restore` takes it back."""
        return {
            "cursor_vox": list(self._cursor_vox),
            "layer": self._layer,
            "layout": self._layout.value,
            "plane": self._plane.value,
            "windows": {layer: [w.level, w.width] for layer, w in self._windows.items()},
            "opacity": self._opacity,
            "is_overlay_shown": self._is_overlay_shown,
            "overlay_style": self._overlay_style.value,
            "is_interpolated": self._is_interpolated,
            "is_crosshair_shown": self._is_crosshair_shown,
            "zoom": self._zoom,
            "pan_mm": {plane.value: list(pan) for plane, pan in self._pan_mm.items()},
            "maximised": self._maximised.value if self._maximised else None,
        }

    def restore(self, data: Mapping[str, Any]) -> None:
        """Take back `to_dict`; what is unknown or out of range is passed over, for a view is no answer."""
        for name, value in checked(data, self._exam).items():
            setattr(self, f"_{name}", value)
        if self._layout is Layout.SURFACE and not self._is_surface_allowed:
            self._layout = Layout.ONE
        self._zoom = min(max(self._zoom, _MIN_ZOOM), _MAX_ZOOM)
        self._pan_mm = {plane: self._within(plane, *pan) for plane, pan in self._pan_mm.items()}
        self._changed()

    # --- change ---

    def _set(self, name: str, value: object, *, is_forced: bool = False) -> None:
        if is_forced or getattr(self, name) != value:
            setattr(self, name, value)
            self._changed()

    def _changed(self) -> None:
        for callback in tuple(self._callbacks):
            callback()
