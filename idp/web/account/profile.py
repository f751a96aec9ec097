"""Who the person is: names, telephone, language, time zone."""

from functools import cache
from zoneinfo import available_timezones

from flask import Response, request

from idp.people.own_profile import Profile, ProfileRefused
from idp.web import contexts, http
from idp.web.account.frame import bp, done, notice, show, where
from idp.web.admin.frame import me_of
from idp.web.guards import person_signed_in
from idp.web.i18n import DEFAULT_ZONE, known_locale
from idp.web.signed_in import SignedIn
from idp.web.typed import typed_form

_AREAS = (
    "Europe",
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Indian",
    "Pacific",
)


@bp.get("/account/profile")
def profile() -> Response:
    """What is known, and how to be spoken to."""
    return _profile_page(person_signed_in())


@bp.post("/account/profile")
def change_profile() -> Response:
    """Another language or time zone."""
    http.check_form()
    who = person_signed_in()
    language = known_locale(request.form.get("language", "")) or ""
    try:
        http.services().own_profile.prefer(
            who.person, locale=language, zone=request.form.get("zone", "")
        )
    except ProfileRefused as error:
        fields = {"locale": "language", "zoneinfo": "zone"}
        return _profile_page(who, {fields[name]: code for name, code in error.errors.items()})
    return http.see_other(f"/account/profile?done=profile-saved&lang={language}")


@bp.get("/account/profile/edit")
def edit_profile() -> Response:
    """Names and telephone, to be changed by whoever has just signed in."""
    who = person_signed_in(fresh=True)
    if typed_form():
        return _edit_page(who, _typed())
    account = http.services().own_profile.get(who.person)
    kept = Profile(account.given_name or "", account.family_name or "", account.phone_number or "")
    return _edit_page(who, kept)


@bp.post("/account/profile/edit")
def save_profile() -> Response:
    """Keep them."""
    http.check_form()
    who = person_signed_in(fresh=True)
    wanted = _typed()
    try:
        http.services().own_profile.change(who.person, wanted, where())
    except ProfileRefused as error:
        return _edit_page(who, wanted, error.errors)
    return done("/account/profile", "profile-saved")


def _typed() -> Profile:
    form = typed_form()
    return Profile(
        form.get("given_name", "").strip(),
        form.get("family_name", "").strip(),
        form.get("phone_number", "").strip(),
    )


def _profile_page(who: SignedIn, errors: dict[str, str] | None = None) -> Response:
    account = http.services().own_profile.get(who.person)
    form = typed_form()
    page = contexts.AccountProfile(
        me=me_of(who.person),
        notice=notice(),
        errors=errors or {},
        phone_number=account.phone_number or "",
        language=form.get("language") or http.locale_for(who.person),
        zone=form.get("zone") or account.zoneinfo or DEFAULT_ZONE,
        zones=_zones(),
    )
    return show(who, page, status=400 if errors else None)


def _edit_page(who: SignedIn, typed: Profile, errors: dict[str, str] | None = None) -> Response:
    page = contexts.AccountProfileEdit(
        me=me_of(who.person),
        errors=errors or {},
        given_name=typed.given_name,
        family_name=typed.family_name,
        phone_number=typed.phone_number,
    )
    return show(who, page, status=400 if errors else None)


@cache
def _zones() -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Time zones by area; those that are named for no city are left out."""
    names = sorted(available_timezones())
    return tuple(
        (area, tuple((n, n.partition("/")[2].replace("_", " ")) for n in names if _in(n, area)))
        for area in _AREAS
    )


def _in(name: str, area: str) -> bool:
    return name.startswith(f"{area}/")
