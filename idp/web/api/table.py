"""The table of the management API: what routes, validates and documents each operation.

An operation is a function under :func:`operation`. Its signature says the rest: ``query`` is the
struct of the query, ``body`` that of the body, every other parameter after the first is part of the
path; what it returns is the answer (``None``: 204). Its docstring is the documentation.
"""

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from idp.core.vocabulary import ManagementScope
from idp.tenants.directory import TenantFacts
from idp.web.api.access import Access

T = TypeVar("T")
Wire = msgspec.Struct
BASE = "/api/v1"
_PARAMETER = re.compile(r"\{([a-z_]+)\}")
PATH_PARAMETERS: dict[str, tuple[str, str, str]] = {
    "number": ("The company's customer number.", r"^[0-9]{9}$", "012345678"),
    "person_id": ("The person's id in this company.", r"^[0-9a-f]{32}$", "0" * 32),
    "invitation_id": ("The invitation's id.", r"^[0-9a-f]{32}$", "0" * 32),
    "request_id": ("The request's id.", r"^[0-9a-f]{32}$", "0" * 32),
    "client_id": ("The client's `client_id`.", r"^[a-z0-9-]{1,64}$", "wages-abcde-fghij"),
    "subject": ("The account's `sub`.", r"^[0-9a-f]{32}$", "0" * 32),
    "case_id": ("The case's id.", r"^[0-9a-f]{32}$", "0" * 32),
    "delivery_id": ("The delivery's id.", r"^[0-9a-f]{32}$", "0" * 32),
    "import_id": ("The import's id.", r"^[0-9a-f]{32}$", "0" * 32),
    "password_id": ("The application password's id.", r"^[0-9a-f]{32}$", "0" * 32),
    "secret_id": ("The secret's id.", r"^[0-9a-f]{32}$", "0" * 32),
    "product": ("A product's key, from the catalogue.", r"^[a-z0-9._-]{1,64}$", "hr"),
    "kid": ("The key's id.", r"^[A-Za-z0-9_-]{1,64}$", "k1"),
}
"""What can stand in a path: meaning, pattern, an example."""
_MATCHERS = {name: re.compile(pattern) for name, (_, pattern, _) in PATH_PARAMETERS.items()}


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks, and for which company, where the path names one (``at`` then gives it)."""

    access: Access
    tenant: TenantFacts | None
    if_match: str | None = None
    raw: bytes = b""
    """The body, where it is no JSON."""

    @property
    def at(self) -> TenantFacts:
        """The company of the path."""
        if self.tenant is None:
            raise LookupError("the path names no company")
        return self.tenant


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """An answer with headers of its own."""

    body: T
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Download:
    """A file, made while it is sent."""

    parts: Iterable[str]
    media_type: str
    name: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the table. ``right``: a helper's that is enough (None: admins only)."""

    name: str
    tag: str
    method: str
    path: str
    scope: ManagementScope | None
    right: str | None
    fresh: bool
    status: int
    conflict: str
    media_types: tuple[str, ...]
    upload: tuple[str, ...]
    bytes_limit: int
    query: type[Wire] | None
    body: type[Wire] | None
    answer: type[Wire] | None
    tagged: bool
    paged: bool
    arguments: tuple[str, ...]
    summary: str
    description: str
    call: Callable[..., Any]

    @property
    def pattern(self) -> str:
        """The path below the API's root as a regular expression."""
        path = self.path.lstrip("/").replace(".", r"\.")
        return _PARAMETER.sub(r"(?P<\1>[^/]+)", path)

    @property
    def has_body(self) -> bool:
        """Whether it reads one."""
        return self.body is not None or bool(self.upload)

    def is_fit(self, given: Mapping[str, str]) -> bool:
        """Whether each part of the path can be what it stands for."""
        return all(_MATCHERS[name].fullmatch(value) for name, value in given.items())


OPERATIONS: list[Operation] = []
"""All of them, in the order of the document."""
Handler = TypeVar("Handler", bound=Callable[..., Any])


def operation(
    method: str,
    path: str,
    *,
    scope: ManagementScope | None,
    right: str | None = None,
    fresh: bool = False,
    status: int | None = None,
    conflict: str = "",
    media_types: tuple[str, ...] = (),
    upload: tuple[str, ...] = (),
    bytes_limit: int = 0,
    tagged: bool = False,
) -> Callable[[Handler], Handler]:
    """Enter a function into the table.

    ``conflict``: when it answers 409; ``media_types``: of a :class:`Download`; ``upload``: the
    media types of a body that is no JSON, of at most ``bytes_limit``; ``tagged``: answers carry an
    ETag, and a change takes ``If-Match``.
    """

    def enter(handler: Handler) -> Handler:
        hints = get_type_hints(handler)
        answer = hints.pop("return")
        if get_origin(answer) is Reply:
            (answer,) = get_args(answer)
        arguments = tuple(_PARAMETER.findall(path))
        summary, _, description = (inspect.getdoc(handler) or "").partition("\n")
        struct = answer if isinstance(answer, type) and issubclass(answer, Wire) else None
        has_answer = struct is not None or bool(media_types)
        OPERATIONS.append(
            Operation(
                name=handler.__name__,
                tag=handler.__module__.rpartition(".")[2].replace("_", " "),
                method=method,
                path=path,
                scope=scope,
                right=right,
                fresh=fresh,
                status=status or (200 if has_answer else 204),
                conflict=conflict,
                media_types=media_types,
                upload=upload,
                bytes_limit=bytes_limit,
                query=hints.get("query"),
                body=hints.get("body"),
                answer=struct,
                tagged=tagged,
                paged=struct is not None and "next" in struct.__struct_fields__,
                arguments=arguments,
                summary=summary.strip().rstrip("."),
                description=" ".join(description.split()),
                call=handler,
            )
        )
        return handler

    return enter
