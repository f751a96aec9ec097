"""What a passkey is called: what its owner says, else who made it, else what kind of key it is."""

from collections.abc import Sequence

from idp.authn.factors.aaguids import name_of
from idp.infra.i18n import mark, translations

LENGTH = 100
_ELSEWHERE = {"usb", "nfc", "ble", "smart-card"}


def cleaned(name: str) -> str:
    """One line of printable text, possibly empty."""
    shown = "".join(c if c.isprintable() else " " for c in name[: 4 * LENGTH])
    return " ".join(shown.split())[:LENGTH].strip()


def default_name(
    aaguid: str, transports: Sequence[str], *, synced: bool, locale: str, taken: Sequence[str]
) -> str:
    """A name that is not ``taken`` yet, in the person's language."""
    is_key = _ELSEWHERE.intersection(transports) and "internal" not in transports and not synced
    kind = mark("Security key") if is_key else mark("Passkey")
    name = name_of(aaguid) or translations(locale).gettext(kind)
    numbered = (name if n == 1 else f"{name} {n}" for n in range(1, len(taken) + 2))
    return next(one for one in numbered if one not in taken)
