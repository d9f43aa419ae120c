"""Shapes of things for table, desk and shelf; each draws within 960 × 960 with a colour, an accent and a shade."""

from __future__ import annotations

from math import cos, pi, sin

from PIL.ImageDraw import ImageDraw

Colour = str | tuple[int, int, int]


def pouch(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.polygon([(300, 230), (660, 230), (700, 820), (260, 820)], fill=colour)
    pen.polygon([(300, 230), (660, 230), (655, 290), (305, 290)], fill=shade)
    pen.rounded_rectangle((340, 400, 620, 680), 24, fill=accent)
    for x, y in ((420, 480), (500, 560), (430, 600)):
        pen.ellipse((x, y, x + 90, y + 60), fill=colour)
        pen.line((x + 10, y + 30, x + 80, y + 30), fill=accent, width=8)
    pen.ellipse((460, 320, 500, 360), fill=shade)


def tin(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.rounded_rectangle((290, 330, 670, 820), 30, fill=colour)
    pen.rounded_rectangle((310, 220, 650, 340), 26, fill=shade)
    pen.ellipse((370, 470, 590, 690), fill=accent)
    pen.polygon([(480, 500), (550, 590), (480, 660), (410, 590)], fill=colour)
    pen.line((480, 510, 480, 655), fill=accent, width=8)


def bar(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.rounded_rectangle((300, 150, 660, 560), 14, fill=shade)
    for column in range(3):
        for row in range(3):
            x, y = 318 + column * 112, 168 + row * 120
            pen.rounded_rectangle((x, y, x + 98, y + 106), 10, fill=colour)
    pen.rectangle((280, 480, 680, 820), fill=accent)
    pen.polygon(
        [
            (280, 480),
            (340, 450),
            (400, 480),
            (460, 450),
            (520, 480),
            (580, 450),
            (640, 480),
            (680, 460),
            (680, 500),
            (280, 500),
        ],
        fill=accent,
    )
    pen.rectangle((340, 600, 620, 720), fill=colour)


def mug(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.ellipse((560, 400, 790, 680), outline=shade, width=44)
    pen.rounded_rectangle((270, 310, 650, 820), 50, fill=colour)
    pen.ellipse((270, 270, 650, 350), fill=shade)
    pen.rectangle((270, 420, 650, 440), fill=accent)
    pen.rectangle((270, 700, 650, 720), fill=accent)
    pen.polygon([(460, 480), (490, 570), (460, 660), (430, 570)], fill=accent)
    pen.polygon([(370, 570), (460, 540), (550, 570), (460, 600)], fill=accent)


def bowl(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.pieslice((170, 160, 790, 820), 0, 180, fill=colour)
    pen.ellipse((170, 420, 790, 560), fill=shade)
    pen.ellipse((200, 436, 760, 540), fill=accent)
    pen.rectangle((380, 800, 580, 835), fill=shade)


def plate(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.ellipse((170, 160, 790, 780), fill=shade)
    pen.ellipse((170, 145, 790, 765), fill=colour)
    pen.ellipse((215, 190, 745, 720), outline=accent, width=14)
    pen.ellipse((290, 265, 670, 645), fill=shade)
    pen.ellipse((300, 275, 660, 635), fill=colour)


def teapot(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.ellipse((620, 420, 840, 680), outline=shade, width=40)
    pen.polygon([(120, 420), (190, 400), (340, 600), (320, 720)], fill=shade)
    pen.ellipse((240, 360, 720, 820), fill=colour)
    pen.ellipse((340, 330, 620, 430), fill=shade)
    pen.ellipse((445, 270, 515, 340), fill=accent)
    pen.arc((280, 420, 680, 800), 200, 340, fill=accent, width=14)


def knife(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.polygon([(120, 330), (560, 330), (560, 560), (300, 560), (190, 500), (120, 380)], fill=accent)
    pen.line((150, 420, 560, 540), fill="#ffffff", width=10)
    pen.rectangle((548, 330, 590, 560), fill=shade)
    pen.rounded_rectangle((580, 350, 860, 450), 40, fill=colour)
    for x in (640, 720, 800):
        pen.ellipse((x, 388, x + 24, 412), fill=accent)


def blanket(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    for layer, y in enumerate((620, 480, 340)):
        pen.rounded_rectangle((200, y, 760, y + 180), 70, fill=colour if layer % 2 == 0 else shade)
        for x in range(300, 720, 110):
            pen.line((x, y + 6, x, y + 174), fill=accent, width=16)
    for x in range(215, 760, 36):
        pen.line((x, 795, x, 840), fill=accent, width=10)


def phone(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.rounded_rectangle((320, 130, 640, 830), 54, fill=colour)
    pen.rounded_rectangle((345, 165, 615, 795), 34, fill=accent)
    pen.rounded_rectangle((430, 180, 530, 204), 12, fill=colour)
    for row in range(3):
        for column in range(3):
            x, y = 380 + column * 75, 300 + row * 90
            pen.rounded_rectangle((x, y, x + 52, y + 52), 14, fill=shade)


def laptop(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.rounded_rectangle((210, 260, 750, 640), 26, fill=colour)
    pen.rectangle((240, 290, 720, 610), fill=accent)
    pen.polygon([(150, 740), (230, 640), (730, 640), (810, 740)], fill=shade)
    pen.rounded_rectangle((150, 735, 810, 775), 18, fill=colour)


def keyboard(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.rounded_rectangle((120, 380, 840, 720), 36, fill=shade)
    for row in range(4):
        for column in range(10):
            x, y = 150 + column * 67, 408 + row * 72
            pen.rounded_rectangle((x, y, x + 56, y + 58), 10, fill=accent if (row, column) == (0, 0) else colour)


def speaker(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.rounded_rectangle((290, 180, 670, 830), 70, fill=colour)
    pen.ellipse((350, 470, 610, 730), fill=shade)
    pen.ellipse((410, 530, 550, 670), fill=accent)
    pen.ellipse((410, 270, 550, 410), fill=shade)
    pen.ellipse((450, 310, 510, 370), fill=accent)


def blocks(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.rectangle((200, 600, 420, 820), fill=colour)
    pen.rectangle((440, 600, 660, 820), fill=accent)
    pen.rectangle((320, 370, 540, 590), fill=shade)
    pen.polygon([(320, 350), (430, 180), (540, 350)], fill=accent)
    pen.pieslice((680, 710, 900, 930), 180, 360, fill=colour)


def train(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.rectangle((180, 520, 560, 730), fill=colour)
    pen.rectangle((540, 360, 780, 730), fill=shade)
    pen.rectangle((600, 420, 720, 540), fill=accent)
    pen.rectangle((250, 380, 330, 520), fill=shade)
    for x in (220, 400, 600):
        pen.ellipse((x, 670, x + 140, 810), fill=accent)
        pen.ellipse((x + 45, 715, x + 95, 765), fill=colour)


def bear(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    for x in (290, 550):
        pen.ellipse((x, 140, x + 130, 270), fill=shade)
    pen.ellipse((260, 470, 700, 840), fill=shade)
    pen.ellipse((290, 170, 670, 550), fill=colour)
    pen.ellipse((400, 360, 560, 500), fill=accent)
    for x in (380, 545):
        pen.ellipse((x, 300, x + 36, 336), fill="#222222")
    pen.ellipse((455, 385, 505, 425), fill="#222222")
    pen.ellipse((380, 580, 580, 780), fill=accent)


def bottle(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.rounded_rectangle((350, 360, 610, 830), 60, fill=colour)
    pen.rectangle((420, 270, 540, 370), fill=shade)
    pen.rounded_rectangle((400, 150, 560, 290), 20, fill=accent)
    pen.rectangle((350, 500, 610, 690), fill=accent)
    pen.line((400, 560, 560, 560), fill=shade, width=14)
    pen.line((400, 620, 520, 620), fill=shade, width=14)


def jar(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.rounded_rectangle((260, 420, 700, 820), 50, fill=colour)
    pen.rounded_rectangle((240, 300, 720, 440), 30, fill=accent)
    pen.rectangle((330, 540, 630, 700), fill=shade)


def lipstick(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.polygon([(420, 420), (420, 240), (540, 170), (540, 420)], fill=colour)
    pen.rectangle((400, 410, 560, 520), fill=accent)
    pen.rectangle((370, 510, 590, 830), fill=shade)


def book(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.polygon([(300, 180), (720, 180), (720, 800), (300, 800)], fill="#fdfaf3")
    pen.rounded_rectangle((260, 160, 680, 820), 18, fill=colour)
    pen.rectangle((260, 160, 310, 820), fill=shade)
    pen.rectangle((370, 260, 620, 400), fill=accent)
    pen.ellipse((430, 520, 560, 650), fill=accent)


def pen_(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.polygon([(250, 640), (640, 250), (720, 330), (330, 720)], fill=colour)
    pen.polygon([(640, 250), (740, 150), (820, 230), (720, 330)], fill=shade)
    pen.polygon([(250, 640), (330, 720), (170, 800)], fill=accent)
    pen.line((170, 800, 270, 700), fill=shade, width=8)
    pen.line((560, 300, 670, 410), fill=accent, width=20)


def poster(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.rectangle((250, 110, 710, 820), fill="#fffdf8")
    pen.rectangle((285, 145, 675, 785), fill=colour)
    pen.ellipse((520, 200, 630, 310), fill=accent)
    pen.polygon([(410, 690), (440, 330), (520, 330), (550, 690)], fill="#fffdf8")
    pen.polygon([(432, 430), (528, 430), (535, 520), (425, 520)], fill=accent)
    pen.rectangle((435, 280, 525, 330), fill=accent)
    pen.polygon([(285, 690), (420, 650), (560, 700), (675, 660), (675, 785), (285, 785)], fill=shade)


def chainring(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    for tooth in range(24):
        x, y = 480 + 300 * cos(tooth * pi / 12), 480 + 300 * sin(tooth * pi / 12)
        pen.ellipse((x - 30, y - 30, x + 30, y + 30), fill=colour)
    pen.ellipse((190, 190, 770, 770), fill=colour)
    pen.ellipse((270, 270, 690, 690), fill=accent)
    for arm in range(5):
        pen.line((480, 480, 480 + 250 * cos(arm * pi * 0.4), 480 + 250 * sin(arm * pi * 0.4)), fill=shade, width=60)
    pen.ellipse((410, 410, 550, 550), fill=shade)


def saddle(pen: ImageDraw, colour: Colour, accent: Colour, shade: Colour) -> None:
    pen.line((330, 560, 620, 560), fill=accent, width=26)
    pen.line((480, 550, 480, 830), fill=accent, width=60)
    pen.polygon(
        [(150, 400), (360, 430), (700, 330), (830, 380), (810, 520), (640, 560), (400, 500), (170, 470)], fill=colour
    )
    pen.line((180, 440, 400, 465, 700, 390, 800, 420), fill=shade, width=16)


GOODS = {
    "pouch": pouch, "tin": tin, "bar": bar, "mug": mug, "bowl": bowl, "plate": plate, "teapot": teapot, "knife": knife,
    "blanket": blanket, "phone": phone, "laptop": laptop, "keyboard": keyboard, "speaker": speaker, "blocks": blocks,
    "train": train, "bear": bear, "bottle": bottle, "jar": jar, "lipstick": lipstick, "book": book, "pen": pen_,
    "poster": poster, "chainring": chainring, "saddle": saddle,
}  # fmt: skip
