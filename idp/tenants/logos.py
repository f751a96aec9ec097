"""Logos of companies: what was uploaded is drawn anew, and nothing of the file itself is kept.

The only user of Pillow. A picture is measured before it is unpacked, so that a few bytes cannot
become gigabytes; what comes out is a small PNG of pixels alone, without metadata or anything that
was hidden behind them. It is served under its digest, from our own origin.
"""

import hashlib
import io
import re
import threading
from typing import TYPE_CHECKING

from sqlalchemy import select

from idp.core.clock import Clock
from idp.infra.database import db, transaction
from idp.tenants.models import TenantLogo

if TYPE_CHECKING:
    from PIL.Image import Image

BOX = (320, 96)
"""Pixels that the logo is fitted into: twice what pages show, for dense screens."""
FORMATS = ("PNG", "JPEG", "WEBP")
LONGEST_SIDE = 6000
MOST_PIXELS = 8_000_000
"""Four bytes each, some times over, while it is drawn."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_ONE_AT_A_TIME = threading.Lock()


class LogoRefused(ValueError):
    """The file is no picture that can be taken; ``code`` is what to translate."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def redraw(data: bytes) -> bytes:
    """A PNG of what the file shows, fitted into ``BOX``; raises ``LogoRefused``."""
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        raise LogoRefused("logo-svg")
    with _ONE_AT_A_TIME:  # what one takes of memory is bounded; many at once would not be
        return _redraw(data)


def _redraw(data: bytes) -> bytes:
    # Loaded where it is used: most processes never see an upload.
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            _check_size(*picture.size)
            picture.draft("RGB", (BOX[0] * 2, BOX[1] * 2))
            picture.load()
            return _drawn(ImageOps.exif_transpose(picture))
    except LogoRefused:
        raise
    except UnidentifiedImageError as error:
        raise LogoRefused("logo-type") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
        raise LogoRefused("logo-dimensions") from error
    except Exception as error:  # decoders stumble over broken files in many ways
        raise LogoRefused("logo-broken") from error


def _check_size(width: int, height: int) -> None:
    if max(width, height) > LONGEST_SIDE or width * height > MOST_PIXELS:
        raise LogoRefused("logo-dimensions")
    if min(width, height) < 8:
        raise LogoRefused("logo-tiny")


def _drawn(picture: "Image") -> bytes:
    from PIL import Image

    seen = picture.has_transparency_data
    pixels = picture.convert("RGBA" if seen else "RGB")
    pixels.thumbnail(BOX, Image.Resampling.LANCZOS)
    clean = Image.new(pixels.mode, pixels.size)  # profile, comments and text stay behind
    clean.paste(pixels)
    out = io.BytesIO()
    clean.save(out, "PNG", optimize=True)
    return out.getvalue()


def logo_path(digest: str) -> str:
    """Where a logo is served."""
    return f"/brand/logo/{digest}.png"


class Logos:
    """Keeps one drawn logo per company. Called by ``people.branding``, which asks who may."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def put(self, tenant_id: str, png: bytes) -> str:
        """Keep what ``redraw`` made; the path it is served under from now on."""
        digest = hashlib.sha256(png).hexdigest()
        with transaction() as session:
            row = session.get(TenantLogo, tenant_id)
            if row is None:
                row = TenantLogo(tenant_id=tenant_id)
                session.add(row)
            row.digest, row.data, row.updated_at = digest, png, self._clock.now()
        return logo_path(digest)

    def remove(self, tenant_id: str) -> None:
        """Forget the company's logo, if it has one."""
        with transaction() as session:
            row = session.get(TenantLogo, tenant_id)
            if row is not None:
                session.delete(row)

    def find(self, digest: str) -> bytes | None:
        """The PNG of that digest, if some company has it now."""
        if _DIGEST.fullmatch(digest) is None:
            return None
        query = select(TenantLogo.data).where(TenantLogo.digest == digest)
        return db.session.scalars(query.limit(1)).first()
