"""Telephone numbers: read as people write them, kept in E.164 form.

The only user of phonenumbers.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber


class InvalidPhoneNumber(ValueError):
    """No telephone number, or one that no code is sent to; ``code`` is what to translate."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def parse_phone_number(text: str, region: str | None = None) -> str:
    """The number in E.164 form, ``;ext=`` behind it where there is an extension (RFC 3966).

    ``region`` is its country where it names none. Raises :class:`InvalidPhoneNumber`.
    """
    from phonenumbers import PhoneNumberFormat, format_number, is_possible_number

    number = _read(text, region, "not a telephone number")
    if not is_possible_number(number):
        raise InvalidPhoneNumber("phone-invalid", "not a possible telephone number")
    plain = format_number(number, PhoneNumberFormat.E164)
    return f"{plain};ext={number.extension}" if number.extension else plain


def check_callable(number: str) -> None:
    """Raise :class:`InvalidPhoneNumber` unless codes may be sent to a number in E.164 form.

    Numbers that cost the caller more, or that no single person answers, are refused: they are
    what makes sending codes worth abusing.
    """
    from phonenumbers import PhoneNumberType, is_valid_number, number_type

    parsed = _parsed(number)
    if parsed.extension or not is_valid_number(parsed):
        raise InvalidPhoneNumber("phone-invalid", "not a number that can be called")
    uncalled = (
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.PAGER,
        PhoneNumberType.UAN,
        PhoneNumberType.VOICEMAIL,
    )
    if number_type(parsed) in uncalled:
        raise InvalidPhoneNumber("phone-refused", "a premium, shared-cost or service number")


def can_receive_texts(number: str) -> bool:
    """Whether a number in E.164 form may be a mobile one."""
    from phonenumbers import PhoneNumberType, number_type

    return number_type(_parsed(number)) in (
        PhoneNumberType.MOBILE,
        PhoneNumberType.FIXED_LINE_OR_MOBILE,
        PhoneNumberType.PERSONAL_NUMBER,
    )


def _parsed(number: str) -> "PhoneNumber":
    return _read(number, None, "not in E.164 form")


def _read(text: str, region: str | None, otherwise: str) -> "PhoneNumber":
    # Imported where it is used, with its tables of all countries: when a number is entered.
    from phonenumbers import NumberParseException, parse

    try:
        return parse(text, region)
    except NumberParseException as error:
        raise InvalidPhoneNumber("phone-invalid", otherwise) from error
