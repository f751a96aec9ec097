"""Logos: what was uploaded is drawn anew; bombs, programs and hidden things stay outside."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from idp.infra.database import db
from idp.tenants.logos import BOX, LogoRefused, Logos, logo_path, redraw
from idp.tenants.models import TenantLogo
from tests.people.house import House

HIDDEN = b"<script>alert(document.domain)</script>"


def picture(kind: str = "PNG", size: tuple[int, int] = (640, 192), mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, 0 if mode in ("1", "L", "P") else (200, 30, 30, 255)[: len(mode)]).save(
        out, kind
    )
    return out.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png_of(width: int, height: int) -> bytes:
    """A PNG that says it is that large, with a few bytes of zeros behind."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\x00" * 100_000, 9)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def shown(png: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(png))
    image.load()
    return image


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_each_format_becomes_a_small_png(kind: str) -> None:
    image = shown(redraw(picture(kind, (1600, 300))))
    assert image.format == "PNG"
    assert image.size == (320, 60)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_kind_of_pixel_is_drawn(mode: str) -> None:
    assert shown(redraw(picture("PNG", mode=mode))).size == BOX


def test_a_small_picture_is_not_blown_up() -> None:
    assert shown(redraw(picture(size=(40, 20)))).size == (40, 20)


def test_transparency_stays() -> None:
    out = io.BytesIO()
    Image.new("RGBA", (64, 64), (0, 0, 0, 0)).save(out, "PNG")
    image = shown(redraw(out.getvalue()))
    assert image.mode == "RGBA"
    assert image.getpixel((5, 5)) == (0, 0, 0, 0)


def test_nothing_but_pixels_comes_through() -> None:
    out = io.BytesIO()
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", HIDDEN.decode())
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.new("RGB", (64, 64)).save(out, "PNG", pnginfo=info, icc_profile=profile)
    polyglot = out.getvalue() + HIDDEN + b"PK\x03\x04"
    drawn = redraw(polyglot)
    assert b"script" not in drawn
    assert b"PK" not in drawn
    assert b"iCCP" not in drawn
    assert shown(drawn).info == {}
    exif = Image.Exif()
    exif[0x010E] = HIDDEN.decode()
    exif[0x0112] = 6  # lies on its side
    jpeg = io.BytesIO()
    Image.new("RGB", (64, 32)).save(jpeg, "JPEG", exif=exif, comment=HIDDEN)
    assert HIDDEN in jpeg.getvalue()
    upright = redraw(jpeg.getvalue())
    assert HIDDEN not in upright
    assert shown(upright).size == (32, 64)


def test_the_same_picture_is_the_same_file() -> None:
    assert redraw(picture()) == redraw(picture())


@pytest.mark.parametrize(
    ("size", "code"),
    [
        ((60_000, 60_000), "logo-dimensions"),
        ((2_147_483_647, 2_147_483_647), "logo-dimensions"),
        ((6_001, 10), "logo-dimensions"),
        ((4_000, 2_001), "logo-dimensions"),
        ((4, 400), "logo-tiny"),
        ((400, 400), "logo-broken"),
    ],
)
def test_it_is_measured_before_it_is_unpacked(size: tuple[int, int], code: str) -> None:
    with pytest.raises(LogoRefused) as refused:
        redraw(png_of(*size))
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "logo-svg"),
        (b"\xef\xbb\xbf  \n<?xml version='1.0'?><svg/>", "logo-svg"),
        (b"<!doctype html><script>1</script>", "logo-svg"),
        (b"hello", "logo-type"),
        (b"\x00" * 5000, "logo-type"),
        (b"%PDF-1.7\n" + picture(), "logo-type"),
        (picture("GIF"), "logo-type"),
        (picture("BMP"), "logo-type"),
        (picture("TIFF"), "logo-type"),
        (picture("ICO", (64, 64)), "logo-type"),
        (picture()[:60], "logo-broken"),
        (picture("JPEG")[:200], "logo-broken"),
    ],
)
def test_what_is_no_picture_of_ours_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(LogoRefused) as refused:
        redraw(data)
    assert refused.value.code == code


def test_text_that_unpacks_to_gigabytes_is_refused() -> None:
    bomb = zlib.compress(b"\x00" * 80_000_000, 9)
    out = picture(size=(64, 64))
    head, rest = out[:33], out[33:]
    text = chunk(b"zTXt", b"Comment\x00\x00" + bomb)
    try:
        drawn = redraw(head + text + rest)
    except LogoRefused:
        return
    assert len(drawn) < 10_000


def test_one_logo_for_each_company(house: House) -> None:
    logos, tenant = Logos(house.clock), house.tenant()
    first = logos.put(tenant.id, redraw(picture()))
    digest = first.removeprefix("/brand/logo/").removesuffix(".png")
    assert first == logo_path(digest)
    assert logos.find(digest) == redraw(picture())
    second = logos.put(tenant.id, redraw(picture(size=(100, 50))))
    assert second != first
    assert logos.find(digest) is None, "the old one is gone"
    assert db.session.query(TenantLogo).count() == 1
    logos.remove(tenant.id)
    logos.remove(tenant.id)
    assert db.session.query(TenantLogo).count() == 0


@pytest.mark.parametrize("digest", ["", "0", "0" * 63, "0" * 65, "G" * 64, "\x00" * 64, "%" * 64])
def test_only_digests_are_looked_for(house: House, digest: str) -> None:
    assert Logos(house.clock).find(digest) is None
