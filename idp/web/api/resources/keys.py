"""The provider's signing keys."""

from dataclasses import asdict
from typing import Literal

from idp.core.vocabulary import ManagementScope
from idp.infra.keyring import KeyInfo
from idp.web.api.problems import field_problem
from idp.web.api.resources.fields import STRICT, Moment, Wire
from idp.web.api.table import Call, operation
from idp.web.http import services

OPERATOR = ManagementScope.OPERATOR


class Key(Wire):
    """A signing key. `state`: next, signing, retired or removed."""

    kid: str
    alg: str
    state: str
    created_at: Moment
    active_from: Moment
    retired_at: Moment | None
    remove_after: Moment | None


class Keys(Wire):
    """All of them."""

    items: list[Key]


class KeyRotation(Wire, **STRICT):
    """Which algorithm (null: each in use), and whether the new key signs at once."""

    alg: Literal["RS256", "ES256", "EdDSA"] | None = None
    immediately: bool = False


class KeysMade(Wire):
    """The ids of the new keys."""

    made: list[str]


@operation("GET", "/keys", scope=OPERATOR)
def list_keys(call: Call) -> Keys:
    """List the signing keys."""
    return Keys([_key(key) for key in services().keyring.list()])


@operation("POST", "/keys/rotate", scope=OPERATOR, fresh=True)
def rotate_keys(call: Call, body: KeyRotation) -> KeysMade:
    """Publish the next key; it signs once everybody has seen it."""
    made = services().operations.rotate_keys(
        call.access.actor, body.alg, immediately=body.immediately
    )
    return KeysMade(list(made))


@operation("POST", "/keys/{kid}/retire", scope=OPERATOR, fresh=True)
def retire_key(call: Call, kid: str) -> None:
    """Stop trusting a key at once, as after a leak: everything it signed dies with it.

    A token of this API that it signed dies as well.
    """
    try:
        services().operations.retire_key(call.access.actor, kid)
    except ValueError as error:
        raise field_problem("kid", f"{error}.") from None


def _key(key: KeyInfo) -> Key:
    return Key(**asdict(key))
