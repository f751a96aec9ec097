"""Which second factors exist on this installation: what can be set up, asked for, and allowed."""

from idp.core.vocabulary import Factor
from idp.settings import Settings


def available_factors(settings: Settings) -> frozenset[Factor]:
    """Passkeys need a host with a name; texts and calls a gateway, or the in-app outbox that a
    loopback issuer has in its place.
    """
    found = {Factor.TOTP, Factor.EMAIL}
    if settings.passkeys.available:
        found.add(Factor.WEBAUTHN)
    if settings.mail.sms_url or settings.loopback:
        found.add(Factor.SMS)
    if settings.mail.voice_url or settings.loopback:
        found.add(Factor.VOICE)
    return frozenset(found)
