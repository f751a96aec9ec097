"""What the person proves themselves with: the list, one of them, recovery codes (M4, M8, M12)."""

from flask import Response, abort, request

from idp.authn.companies import binds
from idp.authn.factors.holdings import OwnFactor
from idp.authn.factors.own_factors import FactorNeeded, FactorRefused, Overview
from idp.authn.steps import policy_factors
from idp.core.person import Person
from idp.core.vocabulary import Factor
from idp.web import contexts, http
from idp.web.account.frame import bp, done, notice, show, where
from idp.web.admin.frame import me_of
from idp.web.guards import person_signed_in
from idp.web.signed_in import SignedIn
from idp.web.typed import typed_form

_CHOICES = ("always", "on-demand", "turn-off")


@bp.get("/account/factors")
def factors() -> Response:
    """Everything that is set up, and what may be added."""
    who = person_signed_in()
    everything, person = http.services(), who.person
    overview = everything.authn.own_factors.overview(person)
    has_passkey = any(one.kind == "passkey" for one in overview.factors)
    known = everything.authn.own_factors.adding.known_passkeys(person)
    page = contexts.AccountFactors(
        me=me_of(person),
        notice=notice(),
        factors=factor_rows(overview),
        addable=addable(overview),
        due=due_factors(person),
        demanded_by=overview.needed_by,
        always=person.self_mfa,
        may_turn_off=bool(overview.factors) and not overview.needed_by,
        recovery_codes_left=person.recovery_codes_left,
        recovery_counts=overview.recovery_counts,
        password_changed_at=everything.accounts.get(person.account_id).password_changed_at,
        opened=typed_form().get("action", ""),
        known=known if has_passkey or "done" in request.args else None,
    )
    return show(who, page)


@bp.get("/account/passkeys")
def passkeys() -> Response:
    """Where password managers are told that passkeys are made and managed."""
    return http.see_other("/account/factors")


@bp.post("/account/factors")
def change_factors() -> Response:
    """How often a second factor is asked for, or none at all."""
    http.check_form()
    action = request.form.get("action", "")
    who = person_signed_in(fresh=True)
    if action not in _CHOICES:
        abort(400)
    own = http.services().authn.own_factors
    if action == "turn-off":
        try:
            own.turn_off(who.person, where())
        except FactorNeeded:
            return http.see_other("/account/factors")
        return done("/account/factors", "second-factor-off")
    own.set_always(who.person, action == "always", where())
    return done("/account/factors", f"second-factor-{action}")


@bp.get("/account/factors/<kind>/<factor_id>")
def factor(kind: str, factor_id: str) -> Response:
    """One of them: its name, and what removing it would mean."""
    who = person_signed_in()
    return _factor_page(who, kind, factor_id)


@bp.post("/account/factors/<kind>/<factor_id>")
def change_factor(kind: str, factor_id: str) -> Response:
    """Name or remove it."""
    http.check_form()
    action = request.form.get("action", "")
    who = person_signed_in(fresh=True)
    if action not in ("rename", "remove"):
        abort(400)
    own = http.services().authn.own_factors
    if action == "remove":
        try:
            gone = own.remove(who.person, kind, factor_id, where())
        except FactorNeeded:
            return http.see_other(request.path)
        return done("/account/factors", "factor-removed") if gone else abort(404)
    name = request.form.get("name", "")
    try:
        renamed = own.rename(who.person, kind, factor_id, name)
    except FactorRefused as error:
        return _factor_page(who, kind, factor_id, errors={"name": error.code})
    return done("/account/factors", "factor-renamed") if renamed else abort(404)


@bp.get("/account/recovery-codes")
def recovery_codes() -> Response:
    """How many are left, and a button for new ones."""
    who = person_signed_in()
    overview = http.services().authn.own_factors.overview(who.person)
    page = contexts.AccountRecovery(
        me=me_of(who.person),
        notice=notice(),
        left=who.person.recovery_codes_left,
        possible=bool(overview.factors) and overview.recovery_counts,
    )
    return show(who, page)


@bp.post("/account/recovery-codes")
def renew_recovery_codes() -> Response:
    """Ten new ones, shown once."""
    http.check_form()
    who = person_signed_in(fresh=True)
    try:
        codes = http.services().authn.own_factors.renew_recovery_codes(who.person, where())
    except FactorRefused:
        return http.see_other("/account/recovery-codes")
    return codes_page(who, codes, renewed=who.person.recovery_codes_left > 0)


def codes_page(who: SignedIn, codes: tuple[str, ...], *, renewed: bool) -> Response:
    """The codes, this one time."""
    page = contexts.AccountRecoveryCodes(me=me_of(who.person), codes=codes, renewed=renewed)
    return show(who, page)


def factor_rows(overview: Overview) -> tuple[contexts.FactorRow, ...]:
    """The person's factors as pages list them."""
    return tuple(_row(one) for one in overview.factors)


def addable(overview: Overview) -> tuple[contexts.AddableKey, ...]:
    """The keys of what may be added."""
    return tuple(factor.value for factor in overview.addable)  # type: ignore[misc]


def due_factors(person: Person) -> tuple[contexts.DueFactor, ...]:
    """Companies that still wait for a factor that counts there, until a day that is fixed."""
    return tuple(
        contexts.DueFactor(tenant_name=m.tenant_name, deadline=m.mfa_deadline)
        for m in person.memberships
        if m.status == "active"
        and m.mfa_deadline is not None
        and binds(m)
        and not policy_factors(m) & person.enrolled
    )


def _row(one: OwnFactor) -> contexts.FactorRow:
    return contexts.FactorRow(
        kind=one.kind,
        name=one.name,
        url=f"/account/factors/{one.kind}/{one.id}",
        created_at=one.created_at,
        last_used_at=one.last_used_at,
        texts=Factor.SMS in one.counts,
        synced=one.synced,
        verified=one.verified,
        copied=one.copied,
        needed_by=one.needed_by,
    )


def _factor_page(
    who: SignedIn,
    kind: str,
    factor_id: str,
    *,
    errors: dict[str, str] | None = None,
) -> Response:
    overview = http.services().authn.own_factors.overview(who.person)
    found = overview.find(kind, factor_id)
    if found is None:
        abort(404)
    page = contexts.AccountFactor(
        me=me_of(who.person),
        notice=notice(),
        errors=errors or {},
        factor=_row(found),
        name=typed_form().get("name", found.name)[:400],
        last=len(overview.factors) == 1,
    )
    return show(who, page, status=400 if errors else None)
