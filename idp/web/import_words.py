"""What is wrong with a file of people, or with one of its lines, as sentences."""

from idp.infra.i18n import mark as _

IMPORT_ERRORS = {
    # the file
    "file-required": _("Choose a file."),
    "file-empty": _("This file has no people in it."),
    "file-too-large": _("This file is larger than %(megabytes)s MB. Split it."),
    "file-spreadsheet": _(
        "This is a spreadsheet. In Excel or LibreOffice choose “Save as”, then CSV."
    ),
    "file-not-text": _("This is no CSV file."),
    "file-too-many-lines": _("This file has more than %(lines)s lines. Split it."),
    "file-too-many-columns": _(
        "This file has more than %(columns)s columns. Keep the ones that are needed."
    ),
    "file-quotes": _("A quotation mark is opened and never closed. Mend the file."),
    "hash-untrusted": _(
        "Passwords and confirmed addresses can be handed over by the operator alone. "
        "Remove these columns; people set a password themselves."
    ),
    # the import
    "import-state": _("This import has gone on meanwhile. Nothing was changed."),
    "import-nothing-ready": _("There is no line that could be imported."),
    "import-nothing-applied": _("There is nothing left of this import that could be undone."),
    "import-after-cutover": _(
        "The company has changed over to central accounts, so this cannot be undone as a whole. "
        "Remove people one by one."
    ),
    "import-no-hook": _("This product cannot be asked. Set its address first."),
    "column-invalid": _("Choose what the columns are from the lists."),
    "column-twice": _("Two columns are taken for the same. Leave one of them out."),
    "column-email-missing": _("Say which column is the e-mail address."),
    "legacy-uri-invalid": _("Enter a full https address, without a user name in it."),
    "legacy-product": _("Choose one of the products."),
    # a line
    "line-too-many-cells": _("The line has more cells than there are columns."),
    "email-missing": _("The e-mail address is missing."),
    "duplicate-line": _("The same e-mail address is in another line of this file."),
    "collision": _("Another product has this e-mail address with another name."),
    "cell-formula": _("A cell begins like a formula. Write it as plain text."),
    "cell-control": _("A cell has invisible characters in it. Type it anew."),
    "role-unknown": _("The role is neither employee nor admin."),
    "salutation-unknown": _("The salutation is not understood."),
    "language-unknown": _("The language is neither German nor English."),
    "permission-not-known": _("A permission is not in the catalogue."),
    "product-not-booked": _("The company has not booked this product."),
    "yes-or-no": _("This column takes yes or no."),
    "hash-unknown": _("The password hash is of no kind that can be taken over."),
    "hash-cost": _("The password hash takes too long to check."),
}

IMPORT_NOTICES = {
    "import-checking": _("Saved. All lines are checked again."),
    "import-running": _("The import is under way."),
    "import-paused": _("The import is paused."),
    "import-undoing": _("The import is being undone."),
    "import-discarded": _("The file has been discarded. Nothing was imported."),
    "import-decided": _("Your decision is recorded."),
    "hook-removed": _("The product is not asked any more."),
}
