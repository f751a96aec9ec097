"""Puts acr, amr and permissions into plain words; what has no word here is not mentioned.

amr values are those of RFC 8176 §2; permissions the entries of the provider's catalogue that
belong to the product.
"""

from clients.shared.identity import Identity
from clients.shared.language import Language

METHODS = {
    "pwd": "password",
    "otp": "one-time code",
    "hwk": "passkey",
    "swk": "passkey",
    "pop": "passkey",
    "sms": "code by text message",
    "tel": "code by telephone",
}

PERMISSIONS = {
    "hr.profile.read": "See my personnel file",
    "hr.profile.edit": "Change my contact data",
    "hr.absence.request": "Request leave",
    "hr.team.read": "See the team",
    "hr.absence.approve": "Approve leave",
    "hr.people.read": "See every personnel file",
    "hr.people.edit": "Change personnel files",
    "payroll.payslip.read": "See my payslips",
    "payroll.bank.edit": "Change my bank account",
    "payroll.team.read": "See the team's hours",
    "payroll.run.read": "See payroll runs",
    "payroll.run.release": "Release payroll runs",
    "accounting.expense.submit": "Submit expenses",
    "accounting.expense.approve": "Approve expenses",
    "accounting.ledger.read": "See the books",
    "accounting.ledger.post": "Post to the books",
    "accounting.export": "Export for the tax adviser",
}


def strength(identity: Identity) -> str:
    """How strongly, as a message id."""
    return "Two factors" if identity.two_factors else "One factor"


def methods(identity: Identity, language: Language) -> str:
    """By what, as one phrase: "Password and one-time code"."""
    names = list(dict.fromkeys(METHODS[value] for value in identity.amr if value in METHODS))
    told = [language.text(name) for name in names]
    phrase = language.text(" and ").join(told)
    return phrase[:1].upper() + phrase[1:]


def rights(identity: Identity, product: str) -> list[str]:
    """The person's permissions in this product, as message ids in the catalogue's order."""
    return [
        label
        for key, label in PERMISSIONS.items()
        if key.startswith(f"{product}.") and key in identity.permissions
    ]
