"""Images and figures as text that stands inside a page, which then needs no other file."""

import base64
import io

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from PIL import Image


def png(image: np.ndarray) -> str:
    """An image (c, h, w) in [0, 1] as a data URI; of other numbers of channels the first."""
    pixels = (image.clip(0, 1) * 255).round().astype(np.uint8)
    shown = pixels.transpose(1, 2, 0) if len(pixels) == 3 else pixels[0]
    file = io.BytesIO()
    Image.fromarray(shown).save(file, "PNG")
    return data_uri(file.getvalue())


def data_uri(content: bytes) -> str:
    """The content of a PNG file as an address."""
    return "data:image/png;base64," + base64.b64encode(content).decode()


def magnified(natural: np.ndarray, adversarial: np.ndarray) -> tuple[np.ndarray, float]:
    """The perturbation x̃ − x as an image around grey, and the factor that it is magnified by.

    The largest change becomes black or white; where there is none, all is grey and the factor 1.
    """
    change = adversarial - natural
    factor = 0.5 / most if (most := float(np.abs(change).max())) else 1.0
    return 0.5 + factor * change, factor


def svg(drawn: Figure, name: str) -> str:
    """A figure as an SVG element, whose black is the page's text colour; the figure is closed.

    name: other than those of the page's other figures, whose parts must not be taken for these.
    """
    text = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        drawn.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    plt.close(drawn)
    element = text.getvalue()
    return element[element.index("<svg") :].replace("#000000", "currentColor")
