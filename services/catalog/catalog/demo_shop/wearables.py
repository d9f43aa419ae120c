"""Shapes of what is worn or carried; each draws within 960 × 960 with a colour, an accent and a shade."""

from __future__ import annotations

from PIL.ImageDraw import ImageDraw

from catalog.demo_shop.goods import Colour

BODY = [(330, 200), (630, 200), (700, 240), (680, 820), (280, 820), (260, 240)]


def tee(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.polygon([(330, 200), (140, 330), (220, 470), (300, 420)], fill=shade)
    pen.polygon([(630, 200), (820, 330), (740, 470), (660, 420)], fill=shade)
    pen.polygon(BODY, fill=colour)
    pen.pieslice((390, 110, 570, 290), 0, 180, fill=accent)


def sweater(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.polygon([(330, 200), (150, 330), (130, 760), (230, 770), (300, 420)], fill=shade)
    pen.polygon([(630, 200), (810, 330), (830, 760), (730, 770), (660, 420)], fill=shade)
    pen.polygon(BODY, fill=colour)
    pen.rounded_rectangle((390, 160, 570, 240), 30, fill=accent)
    for y in (400, 450):
        pen.line((270, y, 690, y), fill=accent, width=22)
    pen.rectangle((280, 780, 680, 820), fill=shade)


def trousers(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.polygon([(320, 160), (640, 160), (700, 830), (540, 830), (480, 400), (420, 830), (260, 830)], fill=colour)
    pen.rectangle((318, 160, 642, 215), fill=shade)
    pen.ellipse((465, 172, 495, 202), fill=accent)
    pen.line((480, 215, 480, 400), fill=shade, width=8)


def skirt(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.polygon([(370, 220), (590, 220), (760, 780), (200, 780)], fill=colour)
    for x in (330, 430, 530, 630):
        pen.line((480 + (x - 480) * 0.35, 280, x, 780), fill=shade, width=10)
    pen.rectangle((368, 200, 592, 260), fill=accent)


def dress(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.polygon([(380, 150), (420, 150), (480, 230), (540, 150), (580, 150), (620, 420), (340, 420)], fill=colour)
    pen.polygon([(340, 420), (620, 420), (770, 830), (190, 830)], fill=colour)
    pen.rectangle((340, 400, 620, 440), fill=accent)
    pen.line((430, 460, 380, 820), fill=shade, width=10)
    pen.line((530, 460, 580, 820), fill=shade, width=10)


def shoe(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.polygon([(170, 420), (360, 400), (560, 560), (780, 610), (820, 720), (150, 720)], fill=colour)
    pen.polygon([(170, 420), (360, 400), (340, 500), (165, 520)], fill=shade)
    pen.rounded_rectangle((140, 710, 840, 790), 36, fill=accent)
    for x, y in ((400, 460), (460, 510), (520, 556)):
        pen.line((x - 30, y + 26, x + 40, y - 14), fill=accent, width=16)


def boot(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.polygon([(270, 170), (520, 170), (530, 540), (760, 620), (790, 730), (260, 730)], fill=colour)
    pen.rectangle((270, 170, 520, 240), fill=shade)
    pen.rectangle((250, 725, 800, 800), fill=shade)
    for y in (320, 400, 480):
        pen.line((400, y, 525, y + 14), fill=accent, width=16)


def tote(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.arc((350, 120, 610, 560), 180, 360, fill=shade, width=36)
    pen.polygon([(220, 350), (740, 350), (790, 820), (170, 820)], fill=colour)
    pen.line((215, 400, 745, 400), fill=accent, width=10)
    pen.ellipse((455, 430, 505, 480), fill=accent)


def backpack(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.arc((400, 110, 560, 290), 180, 360, fill=shade, width=30)
    pen.rounded_rectangle((250, 200, 710, 820), 130, fill=colour)
    pen.rounded_rectangle((310, 520, 650, 770), 40, fill=shade)
    pen.line((310, 590, 650, 590), fill=accent, width=12)
    pen.line((330, 400, 630, 400), fill=accent, width=12)


def wallet(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.rectangle((260, 300, 700, 420), fill=accent)
    pen.rounded_rectangle((190, 350, 770, 770), 40, fill=colour)
    pen.rounded_rectangle((560, 500, 790, 620), 50, fill=shade)
    pen.ellipse((600, 540, 640, 580), fill=accent)


def watch(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.rectangle((400, 110, 560, 300), fill=colour)
    pen.rectangle((400, 660, 560, 850), fill=colour)
    pen.ellipse((270, 270, 690, 690), fill=shade)
    pen.ellipse((310, 310, 650, 650), fill=accent)
    pen.line((480, 480, 480, 360), fill=colour, width=16)
    pen.line((480, 480, 570, 520), fill=colour, width=16)
    pen.rectangle((685, 460, 725, 500), fill=shade)


def headphones(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.arc((220, 180, 740, 840), 180, 360, fill=shade, width=50)
    for x in (190, 620):
        pen.rounded_rectangle((x, 480, x + 150, 780), 70, fill=colour)
        pen.rounded_rectangle((x + 45, 540, x + 105, 720), 30, fill=accent)


WEARABLES = {
    "tee": tee, "sweater": sweater, "trousers": trousers, "skirt": skirt, "dress": dress, "shoe": shoe, "boot": boot,
    "tote": tote, "backpack": backpack, "wallet": wallet, "watch": watch, "headphones": headphones,
}  # fmt: skip
