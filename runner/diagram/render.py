"""From DOT to a picture: Graphviz's program ``dot`` computes the places and draws. Nothing else here needs it."""

import shutil
import subprocess
from enum import StrEnum

PROGRAM = "dot"
TIMEOUT_S = 60
PNG_DPI = "110"


class ImageFormat(StrEnum):
    """What ``dot`` is asked to draw."""

    SVG = "svg"
    PNG = "png"


class RenderError(Exception):
    """There is no picture; the text says why and what to do, in one line."""


def render(source: str, image: ImageFormat) -> bytes:
    """Draw a text in DOT.

    Raises:
        RenderError: the program is not installed, failed, or did not end.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise RenderError(
            f"drawing {image} needs the program dot on the PATH: install Graphviz (Debian's package is graphviz); "
            "the formats dot, mermaid, table, markdown, html and csv need nothing"
        )
    resolution = [f"-Gdpi={PNG_DPI}"] if image is ImageFormat.PNG else []
    try:
        done = subprocess.run(
            [program, f"-T{image}", *resolution],
            input=source.encode(),
            capture_output=True,
            check=True,
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise RenderError(f"{program} did not end within {TIMEOUT_S} s") from error
    except subprocess.CalledProcessError as error:
        raise RenderError(f"{program} failed: {' '.join(error.stderr.decode(errors='replace').split())}") from error
    return done.stdout
