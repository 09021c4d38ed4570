"""Which parts of a stored view can be shown again: a view is no answer, so what does not fit is left out."""

import math
from collections.abc import Mapping
from typing import Any, TypeGuard

from reader_app.layout import Layout, OverlayStyle, Plane, Shown
from reader_app.window import Window

_SWITCHES = ("is_overlay_shown", "is_interpolated", "is_crosshair_shown")


def checked(data: Mapping[str, Any], exam: Shown | None) -> dict[str, Any]:
    """The usable fields of `ViewState.to_dict()`, as the state's own types.

    Place, layer and windows need the exam that is open; preferences do not.
    """
    fields: dict[str, Any] = {name: data[name] for name in _SWITCHES if isinstance(data.get(name), bool)}
    for name, kind in (("layout", Layout), ("plane", Plane), ("overlay_style", OverlayStyle)):
        if data.get(name) in list(kind):
            fields[name] = kind(data[name])
    opacity = data.get("opacity")
    if _is_number(opacity) and 0 <= opacity <= 1:
        fields["opacity"] = float(opacity)
    if exam:
        fields |= _checked_place(data, exam)
    return fields


def _checked_place(data: Mapping[str, Any], exam: Shown) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    cursor = data.get("cursor_vox")
    if _is_list(cursor, 3) and all(isinstance(v, int) and 0 <= v < n for v, n in zip(cursor, exam.shape, strict=True)):
        fields["cursor_vox"] = tuple(cursor)
    if data.get("layer") in exam.layer_names:
        fields["layer"] = data["layer"]
    if data.get("maximised") in list(Plane):
        fields["maximised"] = Plane(data["maximised"])
    zoom = data.get("zoom")
    if _is_number(zoom) and zoom > 0:
        fields["zoom"] = float(zoom)
    pans = data.get("pan_mm")
    if isinstance(pans, Mapping) and all(_is_list(pans.get(plane.value), 2) for plane in Plane):
        fields["pan_mm"] = {plane: (float(pans[plane.value][0]), float(pans[plane.value][1])) for plane in Plane}
    return fields | {"windows": _checked_windows(data.get("windows"), exam)}


def _checked_windows(windows: object, exam: Shown) -> dict[str, Window]:
    found = {layer: presets["auto"] for layer, presets in exam.presets.items()}
    if isinstance(windows, Mapping):
        for layer in found:
            pair = windows.get(layer)
            if _is_list(pair, 2) and Window(float(pair[0]), float(pair[1])).is_valid:
                found[layer] = Window(float(pair[0]), float(pair[1]))
    return found


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_list(value: object, length: int) -> TypeGuard[list[Any]]:
    return isinstance(value, list | tuple) and len(value) == length and all(_is_number(v) for v in value)
