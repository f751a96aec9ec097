"""Signing keys: which there are, the next ones published, one taken out at once (O4)."""

from datetime import timedelta

from flask import Response, abort

from idp.infra.jose import ALGORITHMS
from idp.infra.keyring import KeyInfo, UnknownKey
from idp.web import contexts
from idp.web.admin.frame import done, me_of
from idp.web.guards import operator
from idp.web.http import check_form, see_other, services
from idp.web.operator import bp
from idp.web.operator.frame import acting, show, typed
from idp.web.signed_in import SignedIn


@bp.get("/operator/keys")
def keys() -> Response:
    """Every key with its state, and how to change them."""
    return _keys(operator())


@bp.post("/operator/keys")
def rotate_keys() -> Response:
    """Publish the next key of one algorithm or of each in use."""
    check_form()
    who = operator(fresh=True)
    alg, immediately = typed("alg"), typed("immediately") == "1"
    if alg and alg not in ALGORITHMS:
        return _keys(who, errors={"alg": "algorithm-unknown"}, status=400)
    services().operations.rotate_keys(acting(who), alg or None, immediately=immediately)
    said = "keys-rotated-now" if immediately else "keys-rotated"
    return see_other(f"/operator/keys?done={said}")


@bp.get("/operator/keys/<kid>")
def retire_form(kid: str) -> Response:
    """What taking this key out means, before it is done."""
    return _retire(operator(), kid)


@bp.post("/operator/keys/<kid>")
def retire_key(kid: str) -> Response:
    """Take it out."""
    check_form()
    who = operator(fresh=True)
    if typed("confirm_name").strip() != kid:
        return _retire(who, kid, errors={"confirm_name": "confirm-name-mismatch"}, status=400)
    try:
        services().operations.retire_key(acting(who), kid)
    except UnknownKey:
        abort(404)
    return see_other("/operator/keys?done=key-retired")


def _keys(
    who: SignedIn, *, errors: dict[str, str] | None = None, status: int | None = None
) -> Response:
    everything = services()
    due = {key.kid for key in everything.operations.keys_due()}
    settings = everything.settings
    lead = timedelta(seconds=settings.lifetimes.key_publish_lead)
    origin = [row.origin for row in settings.describe() if row.name == "IDP_MASTER_KEY"]
    context = contexts.Keys(
        me=me_of(who.person),
        notice=done(),
        errors=errors or {},
        keys=tuple(_row(key, due) for key in everything.keyring.list()),
        algorithms=tuple(ALGORITHMS),
        signs_from=everything.clock.now() + lead,
        alg=typed("alg"),
        immediately=typed("immediately") == "1",
        master_origin=origin[0] if origin else "",
        master_keys=len(settings.master_keys),
    )
    return show(who, context, status=status)


def _retire(
    who: SignedIn, kid: str, *, errors: dict[str, str] | None = None, status: int | None = None
) -> Response:
    found = [key for key in services().keyring.list() if key.kid == kid and key.state != "removed"]
    if not found:
        abort(404)
    context = contexts.RetireKey(
        me=me_of(who.person),
        errors=errors or {},
        key=_row(found[0], set()),
        confirm_name=typed("confirm_name"),
    )
    return show(who, context, status=status)


def _row(key: KeyInfo, due: set[str]) -> contexts.KeyRow:
    return contexts.KeyRow(
        kid=key.kid,
        alg=key.alg,
        state=key.state,
        created_at=key.created_at,
        active_from=key.active_from,
        retired_at=key.retired_at,
        remove_after=key.remove_after,
        due=key.kid in due,
    )
