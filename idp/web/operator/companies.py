"""Companies: the list, a new one with its first admin, and one company's page (Build 4)."""

from dataclasses import replace
from urllib.parse import urlencode

from flask import Response, abort, request

from idp.accounts.claims import InvalidClaim
from idp.accounts.email_address import InvalidEmail
from idp.infra.throttle import Throttled
from idp.people.actors import Refused
from idp.people.models import Invitation
from idp.people.operators.companies import Company, FirstAdmin
from idp.tenants.catalogue import UnknownCatalogueEntry
from idp.tenants.customer_number import InvalidCustomerNumber
from idp.tenants.errors import CustomerNumberTaken, UnknownTenant
from idp.web import contexts
from idp.web.admin.frame import done, me_of
from idp.web.guards import operator
from idp.web.http import check_form, see_other, services
from idp.web.operator import bp
from idp.web.operator.frame import acting, labels_of, locale_of, product_choices, show, typed
from idp.web.signed_in import SignedIn
from idp.web.typed import typed_form

_ROOT = "/operator/companies"
_LANGUAGES = ("de", "en")


@bp.get(_ROOT)
def companies() -> Response:
    """Every company by customer number, searched and filtered."""
    who = operator()
    query, accounts = request.args.get("q", "")[:100].strip(), request.args.get("accounts")
    mode = accounts if accounts in ("local", "central") else None
    after = request.args.get("after", "")
    listing = services().companies.list(
        search=query, accounts_mode=mode, after=after if after.isdigit() else None
    )
    filters = {"q": query, "accounts": mode or ""}
    chosen = {name: value for name, value in filters.items() if value}
    context = contexts.OperatorCompanies(
        me=me_of(who.person),
        notice=done(),
        companies=tuple(
            contexts.CompanyListRow(
                customer_number=row.customer_number,
                name=row.name,
                local=row.accounts_mode == "local",
                products=labels_of(row.products),
                people=row.people,
                admins=row.admins,
            )
            for row in listing.rows
        ),
        query=query,
        accounts=mode or "",
        next_url=f"{_ROOT}?{urlencode({**chosen, 'after': listing.next})}" if listing.next else "",
        first_url=f"{_ROOT}?{urlencode(chosen)}" if after else "",
    )
    return show(who, context)


@bp.get(f"{_ROOT}/new")
def new_company() -> Response:
    """The form."""
    return show(who := operator(), _new_page(who))


@bp.post(f"{_ROOT}/new")
def found_company() -> Response:
    """Found it, and invite its first admin."""
    check_form()
    who = operator(fresh=True)
    errors = {} if typed("accounts") in ("central", "local") else {"accounts": "accounts-invalid"}
    invited = any(typed(name).strip() for name in ("email", "given_name", "family_name"))
    errors |= _missing_of_admin() if invited else {}
    minutes = 1
    if not errors:
        try:
            tenant = services().companies.found(
                acting(who),
                typed("customer_number"),
                typed("name"),
                products=request.form.getlist("product"),
                local=typed("accounts") == "local",
                admin=_first_admin() if invited else None,
            )
            said = "company-founded-invited" if invited else "company-founded"
            return see_other(f"{_ROOT}/{tenant.customer_number}?done={said}")
        except InvalidCustomerNumber:
            errors["customer_number"] = "customer-number-invalid"
        except CustomerNumberTaken:
            errors["customer_number"] = "customer-number-taken"
        except (Refused, InvalidEmail, InvalidClaim, Throttled) as error:
            errors, minutes = _why_not_invited(error)
        except UnknownCatalogueEntry:
            errors["product"] = "product-unknown"
        except ValueError:
            errors["name"] = "company-name-invalid"
    page = replace(_new_page(who), errors=errors, error_values={"minutes": minutes})
    return show(who, page, status=400)


@bp.get(f"{_ROOT}/<number>")
def company(number: str) -> Response:
    """One company."""
    who = operator()
    return show(who, _company_page(who, _find(number), failed=typed("action")))


@bp.post(f"{_ROOT}/<number>")
def change_company(number: str) -> Response:
    """Another name, another booking, an admin invited, an invitation resent or withdrawn."""
    check_form()
    action = typed("action")
    # Withdrawing an invitation only takes trust back.
    who = operator(fresh=action != "revoke")
    found = _find(number)
    errors: dict[str, str] = {}
    minutes = 1
    try:
        match action:
            case "rename":
                return _rename(who, found)
            case "products" | "book":
                return _book(who, found, preview=action == "products")
            case "invite" | "resend" | "revoke":
                errors = _missing_of_admin() if action == "invite" else {}
                if not errors:
                    return see_other(f"{_here(found)}?done={_invitation(who, found, action)}")
            case _:
                abort(400)
    except (Refused, InvalidEmail, InvalidClaim, Throttled) as error:
        errors, minutes = _why_not_invited(error)
    except UnknownCatalogueEntry:
        errors = {"product": "product-unknown"}
    except ValueError:
        errors = {"name": "company-name-invalid"}
    page = _company_page(who, found, failed=action)
    page = replace(page, errors=errors, error_values={"minutes": minutes})
    return show(who, page, status=400)


def _rename(who: SignedIn, found: Company) -> Response:
    services().companies.rename(acting(who), found.tenant.id, typed("name"))
    return see_other(f"{_here(found)}?done=company-renamed")


def _book(who: SignedIn, found: Company, *, preview: bool) -> Response:
    """Show what another booking means, or do it; nothing to show where nothing changes."""
    service, wanted = services().companies, request.form.getlist("product")
    changes = service.what_if(found.tenant.id, wanted)
    if changes and preview:
        labels = {choice.key: choice.label for choice in product_choices(frozenset())}
        context = contexts.OperatorBooking(
            me=me_of(who.person),
            base=_here(found),
            name=found.tenant.name,
            products=tuple(key for key in labels if key in wanted),
            changes=tuple(
                contexts.BookingRow(
                    label=labels[change.product], gained=change.gained, people=change.people
                )
                for change in changes
            ),
        )
        return show(who, context)
    if changes:
        service.book(acting(who), found.tenant.id, wanted)
    return see_other(f"{_here(found)}?done=booking-saved")


def _invitation(who: SignedIn, found: Company, action: str) -> str:
    """Invite, resend or withdraw; what to say of it."""
    everything, actor = services(), acting(who)
    if action == "invite":
        everything.companies.invite_admin(actor, found.tenant.id, _first_admin())
        return "invited"
    invitations, which = everything.people.invitations, typed("invitation")
    if which not in {row.id for row in found.invited_admins}:
        abort(404)
    if action == "resend":
        invitations.resend(found.tenant.id, actor, which)
        return "invitation-resent"
    invitations.revoke(found.tenant.id, actor, which)
    return "invitation-revoked"


def _first_admin() -> FirstAdmin:
    locale = typed("locale")
    return FirstAdmin(
        email=typed("email"),
        given_name=typed("given_name").strip(),
        family_name=typed("family_name").strip(),
        locale=locale if locale in _LANGUAGES else _LANGUAGES[0],
    )


def _missing_of_admin() -> dict[str, str]:
    """What an invitation cannot do without."""
    errors = {}
    for name in ("given_name", "family_name"):
        if not typed(name).strip():
            errors[name] = f"{name}-required"
        elif len(typed(name)) > 200:
            errors[name] = "too-long"
    if not typed("email").strip():
        errors["email"] = "invitee-email-required"
    return errors


def _why_not_invited(
    error: Refused | InvalidEmail | InvalidClaim | Throttled,
) -> tuple[dict[str, str], int]:
    """The field and what is wrong with it; minutes until it may be tried again."""
    if isinstance(error, Throttled):
        return {"": "throttled"}, -(-error.retry_after // 60)
    if isinstance(error, InvalidClaim):
        return {error.claim: "name-invalid"}, 1
    return {"email": error.code if isinstance(error, Refused) else "email-invalid"}, 1


def _find(number: str) -> Company:
    try:
        found = services().companies.get(number)
    except UnknownTenant:
        abort(404)
    if found.tenant.customer_number != number:  # one address for each company
        abort(see_other(_here(found)))
    return found


def _here(found: Company) -> str:
    return f"{_ROOT}/{found.tenant.customer_number}"


def _new_page(who: SignedIn) -> contexts.OperatorCompanyNew:
    everything = frozenset(choice.key for choice in product_choices(frozenset()))
    form = typed_form()
    checked = frozenset(form.getlist("product")) if form else everything
    return contexts.OperatorCompanyNew(
        me=me_of(who.person),
        notice=done(),
        customer_number=typed("customer_number", "0"),
        name=typed("name"),
        products=product_choices(checked),
        accounts=typed("accounts", "central"),
        email=typed("email"),
        given_name=typed("given_name"),
        family_name=typed("family_name"),
        locale=typed("locale") or locale_of(who.person),
    )


def _company_page(who: SignedIn, found: Company, *, failed: str) -> contexts.OperatorCompany:
    tenant = found.tenant
    inviting, renaming = failed == "invite", failed == "rename"
    booking = failed in ("products", "book")
    checked = typed_form().getlist("product") if booking else found.products
    now = services().clock.now()
    return contexts.OperatorCompany(
        me=me_of(who.person),
        notice=done(),
        base=_here(found),
        customer_number=tenant.customer_number,
        name=tenant.name,
        created_at=tenant.created_at,
        local=tenant.accounts_mode == "local",
        activated_at=tenant.activated_at,
        cutover_at=tenant.cutover_at,
        products=product_choices(frozenset(checked)),
        people=sum(found.people.values()),
        locked=found.people.get("locked", 0),
        waiting=found.people.get("waiting", 0),
        admins=tuple(
            contexts.CompanyAdminRow(
                name=admin.name,
                email=admin.email,
                status=admin.status,
                last_sign_in=admin.last_sign_in_at,
            )
            for admin in found.admins
        ),
        invitations=tuple(
            _invitation_row(row, expired=row.expires_at <= now) for row in found.invited_admins
        ),
        open_invitations=found.open_invitations,
        mfa=tenant.mfa_mode,
        factors=tuple(tenant.mfa_factors),
        failed=failed,
        typed_name=typed("name") if renaming else tenant.name,
        email=typed("email") if inviting else "",
        given_name=typed("given_name") if inviting else "",
        family_name=typed("family_name") if inviting else "",
        locale=(typed("locale") if inviting else "") or locale_of(who.person),
    )


def _invitation_row(row: Invitation, *, expired: bool) -> contexts.InvitationRow:
    return contexts.InvitationRow(
        id=row.id,
        name=f"{row.given_name} {row.family_name}".strip() or row.email,
        email=row.email,
        role="admin",
        invited_by=row.invited_by or "",
        created_at=row.created_at,
        expires_at=row.expires_at,
        expired=expired,
    )
