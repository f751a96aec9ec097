"""The company page: colour and logo looked at, saved, shown at the sign-in; and attacks on it."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from flask import g
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from idp.infra.database import db
from idp.tenants.models import TenantLogo
from tests.web.attack import ANNA, ERIK, NORD, password, to_password
from tests.web.conftest import Front
from tests.web.document import Document

PAGE = f"/admin/{NORD}/company"
SUED = "087654321"


def png(size: tuple[int, int] = (640, 192)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(out, "PNG")
    return out.getvalue()


def send(
    front: Front,
    browser: FlaskClient,
    logo: bytes | None = None,
    *,
    name: str = "logo.png",
    page: str = PAGE,
    **fields: str,
) -> TestResponse:
    g.pop("new_browser", None)
    browser.set_cookie("einlass_browser", "b" * 43)
    data: dict[str, object] = {"csrf_token": front.csrf, **fields}
    if logo is not None:
        data["logo"] = (io.BytesIO(logo), name)
    return browser.post(page, data=data, content_type="multipart/form-data")


def errors(answer: TestResponse) -> list[str]:
    return [alert.text.strip() for alert in Document(answer.text).all("p", role="alert")]


@pytest.fixture
def anna(front: Front) -> FlaskClient:
    front.member(NORD, ANNA, "admin")
    return front.sign_in(ANNA)


def events(front: Front) -> list[dict[str, object]]:
    tenant = front.services.tenants.get_by_customer_number(NORD)
    db.session.rollback()
    return [e for e in front.services.audit.export(tenant.id) if e["event"] == "tenant.changed"]


def test_colour_and_logo_reach_the_sign_in(front: Front, anna: FlaskClient) -> None:
    page = anna.get(PAGE)
    assert "HR, Payroll and Accounting" in page.text
    answer = send(front, anna, png(), accent=" #FFD400 ")
    assert answer.location == f"{PAGE}?done=looks-saved"
    tenant = front.services.tenants.get_by_customer_number(NORD)
    assert tenant.accent == "#ffd400"
    assert tenant.logo_uri is not None
    (event,) = events(front)
    assert event["detail"] == {"members": ["accent", "logo_uri"]}
    page = anna.get(PAGE)
    assert page.text.count(tenant.logo_uri) == 2, "at the head of the console, and in the preview"
    assert "/brand/ffd400.css" in page.text
    # The hosted login: nothing before the company is known, all of it after.
    other = front.browser()
    address = to_password(other, ANNA)
    assert tenant.logo_uri not in other.get(address).text
    password(other, address)
    known = other.get(address)
    assert tenant.logo_uri in known.text
    assert "/brand/ffd400.css" in known.text
    logo = front.browser().get(tenant.logo_uri)
    assert logo.content_type == "image/png"
    assert logo.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in logo.headers["Cache-Control"]
    assert "sandbox" in logo.headers["Content-Security-Policy"]
    assert Image.open(io.BytesIO(logo.data)).size == (320, 96)


def test_a_preview_saves_nothing_and_keeps_the_logo_for_saving(
    front: Front, anna: FlaskClient
) -> None:
    answer = send(front, anna, png(), accent="#123456", action="preview")
    assert answer.status_code == 200
    assert "data:image/png;base64," in answer.text
    assert "/brand/123456.css" in answer.text
    assert db.session.query(TenantLogo).count() == 0
    assert not events(front)
    (draft,) = Document(answer.text).all("input", name="draft")
    saved = send(front, anna, accent="#123456", draft=draft.get("value"))
    assert saved.location == f"{PAGE}?done=looks-saved"
    assert db.session.query(TenantLogo).count() == 1


def test_a_draft_belongs_to_one_admin_of_one_company(front: Front, anna: FlaskClient) -> None:
    front.member(NORD, "berta@nord.example", "admin")
    front.member(SUED, "sven@sued.example", "admin")
    answer = send(front, anna, png(), action="preview")
    (draft,) = Document(answer.text).all("input", name="draft")
    token = draft.get("value")
    sven, berta = front.sign_in("sven@sued.example"), front.sign_in("berta@nord.example")
    assert send(front, sven, page=f"/admin/{SUED}/company", draft=token).status_code == 303
    assert send(front, berta, draft=token).status_code == 303
    assert db.session.query(TenantLogo).count() == 0
    for wrong in ("x" * 5000, "../", "0", "*"):
        assert send(front, anna, draft=wrong).status_code == 303
    assert db.session.query(TenantLogo).count() == 0


def test_without_colour_and_logo_again(front: Front, anna: FlaskClient) -> None:
    send(front, anna, png(), accent="#123456")
    gone = front.services.tenants.get_by_customer_number(NORD).logo_uri
    answer = send(front, anna, action="remove-logo", accent="ignored")
    assert answer.location == f"{PAGE}?done=logo-removed"
    tenant = front.services.tenants.get_by_customer_number(NORD)
    assert (tenant.logo_uri, tenant.accent) == (None, "#123456")
    assert front.browser().get(str(gone)).status_code == 404
    send(front, anna, accent="")
    db.session.rollback()
    assert front.services.tenants.get_by_customer_number(NORD).accent is None
    assert [e["detail"] for e in events(front)] == [
        {"members": ["accent", "logo_uri"]},
        {"members": ["logo_uri"]},
        {"members": ["accent"]},
    ]


NO_COLOURS = ("red", "#12345", "#1234567", "#12345g", "#fff;}body{}", "\u202e#123456", "x" * 9000)


def test_what_is_no_colour_is_refused_and_kept(front: Front, anna: FlaskClient) -> None:
    for accent in NO_COLOURS:
        answer = send(front, anna, accent=accent)
        assert answer.status_code == 400, accent
        assert errors(answer) == ["Enter a colour like #0e5a6b, or leave the field empty."]
        (field,) = Document(answer.text).all("input", name="accent")
        assert field.get("value") == accent[:40]
    assert not events(front)


def huge() -> bytes:
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(9000))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


NO_LOGOS = (
    (b"<svg onload='alert(1)'/>", "logo.svg", "SVG files"),
    (b"<svg onload='alert(1)'/>", "logo.png", "SVG files"),
    (b"<!doctype html><script>1</script>", "logo.png", "SVG files"),
    (b"GIF89a" + b"\x00" * 400, "logo.png", "PNG, JPEG or WebP"),
    (huge(), "logo.png", "too many pixels"),
    (png()[:90], "logo.png", "damaged"),
    (b"\x00" * 400, "a\x00b.png", "PNG, JPEG or WebP"),
    (b"\x00" * 400, "../../etc/passwd", "PNG, JPEG or WebP"),
    (b"\x00" * 250_000, "logo.png", "too large"),
    (b"\x00" * 400_000, "logo.png", "too large"),
)


def test_what_is_no_logo_is_refused(front: Front, anna: FlaskClient) -> None:
    for data, name, words in NO_LOGOS:
        for action in ("preview", ""):
            answer = send(front, anna, data, name=name, action=action, accent="#123456")
            assert answer.status_code in (400, 413), name
            assert any(words in error for error in errors(answer)), (name, errors(answer))
    assert db.session.query(TenantLogo).count() == 0
    assert not events(front)


def test_the_forms_own_fields_are_checked(front: Front, anna: FlaskClient) -> None:
    assert send(front, anna, accent="a\x00b").status_code == 400
    answer = send(front, anna, action="preview", accent="<b>x</b>")
    assert "<b>x" not in answer.text
    data = {"csrf_token": front.csrf, "accent": "#123456", "logo": "not a file"}
    assert anna.post(PAGE, data=data).status_code == 303, "a form without a file is one as well"
    assert db.session.query(TenantLogo).count() == 0


def test_others_have_no_such_page(front: Front, anna: FlaskClient) -> None:
    front.member(NORD, ERIK, "employee")
    front.member(SUED, "sven@sued.example", "admin")
    for browser in (front.sign_in(ERIK), front.sign_in("sven@sued.example")):
        assert browser.get(PAGE).status_code == 404
        assert send(front, browser, png(), accent="#123456").status_code == 404
        assert send(front, browser, action="remove-logo").status_code == 404
    assert db.session.query(TenantLogo).count() == 0
    without = anna.post(PAGE, data={"accent": "#123456"}, content_type="multipart/form-data")
    assert without.status_code == 400
    assert not events(front)


def test_logos_are_served_by_digest_only(front: Front) -> None:
    for digest in ("0" * 64, "x", "A" * 64, "..%2f..%2fetc", "0" * 63 + "%00"):
        answer = front.browser().get(f"/brand/logo/{digest}.png")
        assert answer.status_code in (400, 404)
        assert "immutable" not in answer.headers.get("Cache-Control", "")
