"""Whether VTK can draw in 3-D here. Where OpenGL is missing it may take its process down, so another tries first."""

import subprocess
import sys
from functools import cache

_PROBE_S = 30
_PROBE = """
import sys
import vtkmodules.vtkRenderingOpenGL2
from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow
window = vtkRenderWindow()
window.SetOffScreenRendering(sys.argv[1] == "off")
window.AddRenderer(vtkRenderer())
window.Render()
raise SystemExit(0 if window.SupportsOpenGL() else 1)
"""


@cache
def is_available(*, on_screen: bool = False) -> bool:
    """Whether VTK can render here, in memory or in a window; a second's work the first time."""
    command = [sys.executable, "-c", _PROBE, "on" if on_screen else "off"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_PROBE_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
