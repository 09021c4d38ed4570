"""The report's page as a PDF: A4, tagged for screen readers, its fonts in it and the same on every computer.

Pango, which sets the lines, comes with the operating system and not with pip: a computer may be without it.
"""

import io
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib

from segmentation.errors import StudyError

# What WeasyPrint loads at run time; names as Debian and Ubuntu have them
DEBIAN_PACKAGES = ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0")
# Of the fonts that matplotlib brings (STIX, OFL; DejaVu), so that no page depends on what is installed
_FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
_FACES = (
    ("Report", "STIXGeneral.ttf", "normal", 400),
    ("Report", "STIXGeneralItalic.ttf", "italic", 400),
    ("Report", "STIXGeneralBol.ttf", "normal", 700),
    ("Report", "STIXGeneralBolIta.ttf", "italic", 700),
    ("Report Symbols", "DejaVuSerif.ttf", "normal", 400),
    ("Report Symbols", "DejaVuSerif-Italic.ttf", "italic", 400),
    ("Report Mono", "DejaVuSansMono.ttf", "normal", 400),
)


def to_pdf(html: str) -> bytes:
    """The page with its print style; equal pages are equal bytes. Nothing is read but the page and these fonts.

    Raises StudyError if the computer lacks Pango.
    """
    weasyprint = _weasyprint()
    if isinstance(weasyprint, StudyError):
        raise weasyprint
    from weasyprint.text.fonts import FontConfiguration

    fonts = FontConfiguration()
    reach = weasyprint.urls.URLFetcher(allowed_protocols=("data", "file"), allow_redirects=False)
    faces = weasyprint.CSS(string="".join(_face(*face) for face in _FACES), font_config=fonts, url_fetcher=reach)
    of_page = weasyprint.urls.URLFetcher(allowed_protocols=("data",), allow_redirects=False)
    page = weasyprint.HTML(string=html, url_fetcher=of_page)
    written: bytes = page.write_pdf(stylesheets=[faces], font_config=fonts, pdf_tags=True)
    return written


def obstacle() -> StudyError | None:
    """Why no PDF can be written on this computer, if so; a report goes without it then."""
    found = _weasyprint()
    return found if isinstance(found, StudyError) else None


@cache
def _weasyprint() -> Any:
    """The library; loaded late, for it takes a second and the PDF is one file of the report only."""
    try:
        with redirect_stdout(io.StringIO()):  # it prints advice of its own
            import weasyprint
    except OSError:
        what = "The report has no PDF, for Pango, a library of the operating system, is not installed."
        remedy = (
            f"On Debian or Ubuntu: sudo apt-get install {' '.join(DEBIAN_PACKAGES)}; on a Mac: brew install pango. "
            "Until then print report.html from a browser, or leave the PDF out with --no-pdf."
        )
        return StudyError(what, remedy=remedy)
    return weasyprint


def _face(family: str, file: str, style: str, weight: int) -> str:
    return (
        f'@font-face {{ font-family: "{family}"; src: url("{(_FONTS / file).as_uri()}"); '
        f"font-style: {style}; font-weight: {weight} }}\n"
    )
