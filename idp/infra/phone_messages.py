"""What a text message or a call says: the code first, then whose it is, in the person's language.

A text message ends with the line by which browsers fill the code in on our pages and on no other
(origin-bound one-time codes, WICG).
"""

from idp.infra.i18n import translations
from idp.infra.mail_templates import PRODUCT_NAME


def text_message(code: str, locale: str, minutes: int, host: str) -> str:
    """The text of an SMS; short enough to be one."""
    said = translations(locale).gettext(
        "%(code)s is your code for %(product)s, valid for %(minutes)s minutes. Tell it to nobody."
    ) % {"code": code, "product": PRODUCT_NAME, "minutes": minutes}
    return f"{said}\n\n@{host} #{code}"


def spoken_message(code: str, locale: str) -> str:
    """What a call says: each digit by itself, and all of it twice; a paragraph is a pause."""
    spoken = translations(locale)
    digits = {"code": ", ".join(code), "product": PRODUCT_NAME}
    first = spoken.gettext("Hello. Your code for %(product)s is: %(code)s.") % digits
    second = spoken.gettext("Once more: %(code)s.") % digits
    third = spoken.gettext("If you did not ask for it, hang up. Tell it to nobody.")
    return "\n\n".join((first, second, third))
