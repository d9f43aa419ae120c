"""The demo shop's pictures: flat drawings, the same bytes each time, so that nobody's photographs are needed."""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageColor, ImageDraw

from catalog.demo_shop.goods import GOODS
from catalog.demo_shop.wearables import WEARABLES

SIZE = 480  # pixels
CANVAS = 960  # drawn at twice the size, then reduced: smooth edges
SHAPES = GOODS | WEARABLES


def draw(shape: str, colour: str, accent: str = "#ffffff", ground: str = "") -> bytes:
    """A PNG of 480 × 480 pixels: the shape on a soft ground with a shadow. Raises KeyError for an unknown shape."""
    image = Image.new("RGB", (CANVAS, CANVAS), ground or _soft(accent))
    pen = ImageDraw.Draw(image)
    pen.ellipse((220, 790, 740, 850), fill=shaded(ground or _soft(accent), 0.9))
    SHAPES[shape](pen, colour, accent, shaded(colour, 0.82))
    small = image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    out = BytesIO()
    small.quantize(colors=64).save(out, "PNG", optimize=True)
    return out.getvalue()


def shaded(colour: str, factor: float) -> tuple[int, int, int]:
    """The colour, darker for a factor below 1."""
    return tuple(min(255, round(part * factor)) for part in ImageColor.getrgb(colour)[:3])  # type: ignore[return-value]


def _soft(accent: str) -> str:
    """A ground that goes with the accent: 85% paper white."""
    mixed = [round(part * 0.15 + 246 * 0.85) for part in ImageColor.getrgb(accent)[:3]]
    return "#" + "".join(f"{part:02x}" for part in mixed)
