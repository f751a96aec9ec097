"""Telephone numbers: read as people write them, kept in E.164 form.

The only user of phonenumbers.
"""

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

_TEXT_TYPES = frozenset(
    {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE, PhoneNumberType.PERSONAL_NUMBER}
)
_UNCALLED = frozenset(
    {
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.PAGER,
        PhoneNumberType.UAN,
        PhoneNumberType.VOICEMAIL,
    }
)


class InvalidPhoneNumber(ValueError):
    """No telephone number, or one that no code is sent to; ``code`` is what to translate."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def parse_phone_number(text: str, region: str | None = None) -> str:
    """The number in E.164 form, ``;ext=`` behind it where there is an extension (RFC 3966).

    ``region`` is its country where it names none. Raises :class:`InvalidPhoneNumber`.
    """
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        raise InvalidPhoneNumber("phone-invalid", "not a telephone number") from error
    if not phonenumbers.is_possible_number(number):
        raise InvalidPhoneNumber("phone-invalid", "not a possible telephone number")
    plain = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return f"{plain};ext={number.extension}" if number.extension else plain


def check_callable(number: str) -> None:
    """Raise :class:`InvalidPhoneNumber` unless codes may be sent to a number in E.164 form.

    Numbers that cost the caller more, or that no single person answers, are refused: they are
    what makes sending codes worth abusing.
    """
    parsed = _parsed(number)
    if parsed.extension or not phonenumbers.is_valid_number(parsed):
        raise InvalidPhoneNumber("phone-invalid", "not a number that can be called")
    if phonenumbers.number_type(parsed) in _UNCALLED:
        raise InvalidPhoneNumber("phone-refused", "a premium, shared-cost or service number")


def can_receive_texts(number: str) -> bool:
    """Whether a number in E.164 form may be a mobile one."""
    return phonenumbers.number_type(_parsed(number)) in _TEXT_TYPES


def _parsed(number: str) -> phonenumbers.PhoneNumber:
    try:
        return phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException as error:
        raise InvalidPhoneNumber("phone-invalid", "not in E.164 form") from error
