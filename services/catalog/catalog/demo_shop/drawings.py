"""The demo shop's pictures: flat drawings, the same bytes each time, so that nobody's photographs are needed."""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageDraw

SIZE = 480
SCALE = 2  # drawn larger, then reduced: smooth edges


def draw(shape: str, colour: str, accent: str = "#ffffff", ground: str = "#f3efe8") -> bytes:
    """A PNG of 480 × 480 pixels."""
    image = Image.new("RGB", (SIZE * SCALE, SIZE * SCALE), ground)
    ImageDraw.Draw(image).rounded_rectangle((200, 200, 760, 760), 60, fill=colour, outline=accent)
    out = BytesIO()
    image.resize((SIZE, SIZE), Image.Resampling.LANCZOS).save(out, "PNG", optimize=True)
    return out.getvalue()
