"""The company's page: what it has booked, and how it looks on the hosted login (T11).

The one form of ours that carries a file. A logo that was uploaded to be looked at first is kept for
half an hour, drawn anew already, under a token of this admin in this company.
"""

import base64

from flask import Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from idp.people.actors import Actor
from idp.tenants.catalogue import PRODUCTS
from idp.tenants.logos import LogoRefused, redraw
from idp.web import contexts
from idp.web.admin import bp
from idp.web.admin.frame import done, frame_of
from idp.web.brand import contrast, normalise_accent, readable_on, text_on
from idp.web.entering import brand_of
from idp.web.guards import Administrator, administrator
from idp.web.http import check_form, page, see_other, services
from idp.web.typed import typed_form

MOST_BYTES = 512 * 1024
_ROOM = 16 * 1024
"""What a form has beside the file."""
_DRAFT_LIFE = 1800
_DRAINED = 8 * 1024 * 1024
_OURS = "#0e5a6b"


@bp.get("/admin/<number>/company")
def company(number: str) -> Response:
    """What is booked, and the looks as they are."""
    admin, form = administrator(number), typed_form()
    draft = form.get("draft", "")
    logo = _draft(admin, draft)
    return _show(
        admin,
        accent=form.get("accent", admin.membership.tenant_accent or "")[:40],
        logo=logo,
        draft=draft if logo else "",
    )


@bp.post("/admin/<number>/company")
def change_company(number: str) -> Response:
    """Show the looks first, save them, or go without a logo again."""
    try:
        check_form()
    except RequestEntityTooLarge:
        _drain()
        admin = administrator(number)
        saved = admin.membership.tenant_accent or ""
        return _show(admin, accent=saved, errors={"logo": "logo-too-large"}, status=413)
    admin = administrator(number)
    actor, branding = Actor.person(admin.who.person), services().branding
    action = request.form.get("action", "")
    if action == "remove-logo":
        branding.remove_logo(admin.tenant_id, actor)
        return see_other(f"{admin.base}/company?done=logo-removed")
    typed = request.form.get("accent", "").strip()[:40]
    accent = normalise_accent(typed)
    errors = {} if accent or not typed else {"accent": "accent-invalid"}
    draft = request.form.get("draft", "")
    logo = _draft(admin, draft)
    try:
        uploaded = _uploaded()
        if uploaded is not None:
            logo, draft = uploaded, _keep(admin, uploaded)
    except LogoRefused as refused:
        errors["logo"] = refused.code
    if errors or action == "preview":
        return _show(
            admin,
            accent=typed,
            logo=logo,
            draft=draft if logo else "",
            errors=errors,
            previewing=not errors,
            status=400 if errors else None,
        )
    branding.save(admin.tenant_id, actor, accent, logo)
    return see_other(f"{admin.base}/company?done=looks-saved")


def _uploaded() -> bytes | None:
    """The logo that came with the form, drawn anew; its name and type count for nothing."""
    file = request.files.get("logo")
    data = file.read(_most_bytes() + 1) if file else b""
    if not data:
        return None
    if len(data) > _most_bytes():
        raise LogoRefused("logo-too-large")
    return redraw(data)


def _most_bytes() -> int:
    return min(MOST_BYTES, services().settings.limits.request_bytes - _ROOM)


def _drain() -> None:
    """Read what is too much, within bounds: else the browser sees a cut connection, no page."""
    source, left = request.environ["wsgi.input"], min(request.content_length or 0, _DRAINED)
    while left > 0 and (chunk := source.read(min(left, 65536))):
        left -= len(chunk)


def _keep(admin: Administrator, png: bytes) -> str:
    everything = services()
    token = everything.randomness.token()
    everything.store.put(_draft_key(admin, token), png, _DRAFT_LIFE)
    return token


def _draft(admin: Administrator, token: str) -> bytes | None:
    if not token or len(token) > 64:
        return None
    return services().store.get(_draft_key(admin, token))


def _draft_key(admin: Administrator, token: str) -> str:
    """Nobody else, and no other company, finds it."""
    return f"logo-draft:{admin.tenant_id}:{admin.subject}:{token}"


def _show(
    admin: Administrator,
    *,
    accent: str,
    logo: bytes | None = None,
    draft: str = "",
    errors: dict[str, str] | None = None,
    previewing: bool = False,
    status: int | None = None,
) -> Response:
    """The page wears the colour in question, so that all of it is the preview."""
    saved = admin.membership.tenant_logo or ""
    shown = f"data:image/png;base64,{base64.b64encode(logo).decode()}" if logo else saved
    colour = normalise_accent(accent)
    context = contexts.CompanyPage(
        frame=frame_of(admin),
        notice=done(),
        errors=errors or {},
        error_values={"size": _most_bytes() // 1024},
        products=tuple(p.label for p in PRODUCTS if p.key in _booked(admin)),
        accent=accent,
        logo=saved,
        shown_logo=shown,
        draft=draft,
        previewing=previewing,
        readable=_readable(colour or _OURS),
        most_kilobytes=_most_bytes() // 1024,
    )
    brand = brand_of(admin.membership)
    worn = contexts.Brand(name=brand.name if brand else "", accent=colour, logo=saved or None)
    return page(context, status=status, brand=worn, person=admin.who.person)


def _booked(admin: Administrator) -> frozenset[str]:
    found = services().directory.find(admin.tenant_id)
    return found.products if found else frozenset()


def _readable(colour: str) -> contexts.Readable:
    fill = colour.removeprefix("#")
    text = text_on(fill)
    light, _ = readable_on(fill)
    return contexts.Readable(
        accent=colour,
        text="black" if text == "000000" else "white",
        contrast=f"{contrast(fill, text):.1f}",
        link_light=f"#{light}",
    )
