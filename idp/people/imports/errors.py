"""Why something could not be done with an import."""

from idp.people.actors import Refused


class UnknownImport(LookupError):
    """No such import, or none of that company."""

    def __init__(self) -> None:
        super().__init__("there is no such import in this company")


class ImportRefused(Refused):
    """Not in this state; ``code`` is what to translate."""

    def __init__(self, code: str) -> None:
        Exception.__init__(self, _TEXTS[code])
        self.code = code


_TEXTS = {
    "import-state": "the import has gone on meanwhile; nothing was changed",
    "import-nothing-ready": "there is no line that could be applied",
    "import-nothing-applied": "nothing was imported, or it is too long ago to be taken back",
    "import-after-cutover": "the company has moved to central accounts; remove people one by one",
    "import-no-hook": "this product cannot be asked about passwords; configure that first",
    "column-invalid": "there is no such column",
    "column-twice": "two columns say the same",
    "column-email-missing": "one column must be the e-mail address",
    "product-not-booked": "the company has not booked this product",
}
