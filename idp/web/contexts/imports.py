"""Imports of people, in a company's console and in the operators': the same content, two frames.

Forms of a file post to its own address with ``action``: ``options``, ``apply``, ``pause``,
``undo``, ``discard``, ``merge``, ``skip`` (these two with ``line`` for one of them).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from idp.web.contexts.admin import AdminPage
from idp.web.contexts.operator import OperatorPage


@dataclass(frozen=True, kw_only=True)
class ImportRow:
    """A file in the list; ``status`` as in ``people.imports.models``."""

    id: str
    file_name: str
    status: str
    total: int
    ready: int = 0
    refused: int = 0
    applied: int = 0
    created_by: str = ""
    created_at: datetime
    trusted: bool = False


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Something to choose; ``label`` is a msgid."""

    key: str
    label: str
    checked: bool = False


@dataclass(frozen=True, kw_only=True)
class ImportsView:
    """Upload form and the files so far. ``base`` is the address of both."""

    base: str
    back_url: str
    tenant_name: str
    local: bool
    trusted: bool
    products: tuple[Choice, ...] = ()
    rows: tuple[ImportRow, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ImportColumn:
    """A column of the file: its name there, the first cell, and the field it is taken for."""

    name: str
    example: str = ""
    field: str = ""


@dataclass(frozen=True, kw_only=True)
class ImportLineRow:
    """A line. ``problems``: code, and the number of another line it is about (0: none)."""

    line: int
    name: str
    email: str
    role: str = "employee"
    products: tuple[str, ...] = ()
    action: str = ""
    outcome: str = "ready"
    problems: tuple[tuple[str, int], ...] = ()
    other_name: str = ""
    other_product: str = ""


@dataclass(frozen=True, kw_only=True)
class ImportReason:
    """Why lines are refused, how many, and where to see only these."""

    code: str
    count: int
    url: str
    current: bool = False


@dataclass(frozen=True, kw_only=True)
class ImportView:
    """One file: what it would do, how far it is, what is wrong with it.

    ``percent`` of the work under way; ``show``: which lines are listed (``ready``, ``refused``,
    ``collision``, ``applied``, ``kept``). ``stopped``: the code of why it paused by itself.
    """

    base: str
    list_url: str
    row: ImportRow
    tenant_name: str
    local: bool
    counts: Any
    percent: int = 0
    stopped: str = ""
    encoding: str = "UTF-8"
    delimiter: str = ";"
    may_change: bool = True
    may_undo: bool = False
    may_ask: bool = False
    ask: bool = False
    admins: int = 0
    withheld: tuple[str, ...] = ()
    """Permissions that new people otherwise get, as msgids: who looks has them not."""
    columns: tuple[ImportColumn, ...] = ()
    fields: tuple[str, ...] = ()
    product: str = ""
    came_from: tuple[Choice, ...] = ()
    opened: tuple[Choice, ...] = ()
    role: str = "employee"
    locale: str = "de"
    show: str = "ready"
    lines: tuple[ImportLineRow, ...] = ()
    reasons: tuple[ImportReason, ...] = ()
    next_url: str = ""
    first_url: str = ""

    @property
    def busy(self) -> bool:
        """Whether something goes on that can be watched."""
        return self.row.status in ("staging", "checking", "running", "undoing")

    @property
    def applicable(self) -> int:
        """How many lines can be applied."""
        return int(self.row.ready)


@dataclass(frozen=True, kw_only=True)
class AdminImports(AdminPage):
    """Files of people of a company."""

    template: ClassVar[str] = "admin/imports.html"
    section: ClassVar[str] = "people"
    step: ClassVar[str] = "imports"

    view: ImportsView


@dataclass(frozen=True, kw_only=True)
class AdminImport(AdminPage):
    """One of them."""

    template: ClassVar[str] = "admin/import.html"
    section: ClassVar[str] = "people"
    step: ClassVar[str] = "import"

    view: ImportView


@dataclass(frozen=True, kw_only=True)
class OperatorImports(OperatorPage):
    """Files of people of a company, handed over by its products."""

    template: ClassVar[str] = "operator/imports.html"
    section: ClassVar[str] = "tenants"
    step: ClassVar[str] = "imports"

    view: ImportsView


@dataclass(frozen=True, kw_only=True)
class OperatorImport(OperatorPage):
    """One of them."""

    template: ClassVar[str] = "operator/import.html"
    section: ClassVar[str] = "tenants"
    step: ClassVar[str] = "import"

    view: ImportView


@dataclass(frozen=True, kw_only=True)
class HookRow:
    """An old product that can be asked about passwords."""

    product: str
    label: str
    uri: str = ""
    updated_at: datetime | None = None
    silent_since: datetime | None = None
    """It has not answered since, and is not asked before ``asked_at``."""
    asked_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class LegacyLogins(OperatorPage):
    """Where old products are asked; ``secret``: of ``product``, just made, shown this once."""

    template: ClassVar[str] = "operator/import_hooks.html"
    section: ClassVar[str] = "tenants"
    step: ClassVar[str] = "legacy-logins"

    hooks: tuple[HookRow, ...] = ()
    product: str = ""
    uri: str = ""
    secret: str = ""
