"""Taking in pictures: checked, drawn anew so that nothing but the picture is kept, and stored."""

from __future__ import annotations

import hashlib
from io import BytesIO
from typing import Any
from uuid import UUID

from chassis.problems import Problem
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from PIL import Image, UnidentifiedImageError

from catalog.models import Media
from catalog.use_cases.products import lock_product

MAX_BYTES = 900_000  # what the gateway lets through, with room for the form around it
MAX_SIDE = 4000
FORMATS = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}


def add_picture(*, product_id: UUID, file: UploadedFile, alt: dict[str, str]) -> Media:
    """Add a picture to a product, last in order; the same file again is the same picture.

    Raises NotFound, Problem `picture_too_large`, `picture_unreadable`.
    """
    digest, fields = _checked(file)
    with transaction.atomic(savepoint=False):
        product = lock_product(product_id)
        known = product.media.filter(sha256=digest).first()
        if known is not None:
            return known
        media = Media(
            product=product,
            sha256=digest,
            alt=alt,
            width=fields["width"],
            height=fields["height"],
            position=product.media.count(),
        )
        name = f"{product.slug[:40]}-{digest[:12]}.{fields['extension']}"
        media.file.save(name, ContentFile(fields["content"]), save=False)
        media.save()
    return media


def _checked(file: UploadedFile) -> tuple[str, dict[str, Any]]:
    if (file.size or 0) > MAX_BYTES:
        raise Problem("picture_too_large", f"A picture may have at most {MAX_BYTES} bytes.")
    content = file.read()
    try:
        with Image.open(BytesIO(content), formats=list(FORMATS)) as picture:
            width, height = picture.size
            if max(width, height) > MAX_SIDE:
                raise Problem("picture_too_large", f"A picture may be at most {MAX_SIDE} pixels wide and high.")
            anew = BytesIO()
            mode = "RGB" if picture.format == "JPEG" else "RGBA"
            picture.convert(mode).save(anew, picture.format, optimize=True)
            extension = FORMATS[picture.format or ""]
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise Problem("picture_unreadable", "The file is not a PNG, JPEG or WebP picture that can be read.") from error
    fields = {"width": width, "height": height, "content": anew.getvalue(), "extension": extension}
    return hashlib.sha256(content).hexdigest(), fields
