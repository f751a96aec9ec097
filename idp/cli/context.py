"""What every command shares: settings and services on demand, one way to answer and to refuse.

A command that needs the database or Redis calls ``services()``; the embedded Redis is started for
the length of the command when no server is running on the data folder.
"""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, NoReturn

import click

from idp.settings import Settings, SettingsError

if TYPE_CHECKING:
    from idp.wiring import Services

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def refuse(reason: str) -> NoReturn:
    """Say why not, and exit with 1."""
    click.echo(f"Refused: {reason}", err=True)
    sys.exit(1)


def answer(data: Any, as_json: bool, text: Callable[[], None] | str) -> None:
    """Print one result: JSON for programs, text for people."""
    if as_json:
        click.echo(json.dumps(data, indent=2, ensure_ascii=False, default=str))
    elif isinstance(text, str):
        click.echo(text)
    else:
        text()


def facts(data: Mapping[str, Any]) -> str:
    """The text of one thing: a line for each of its values."""
    shown = (", ".join(map(str, v)) if isinstance(v, list) else str(v) for v in data.values())
    return "\n".join(f"{key}: {value}" for key, value in zip(data, shown, strict=True))


def settings() -> Settings:
    """The settings, or exit 1 with every reason they were refused."""
    try:
        return Settings.from_env()
    except SettingsError as error:
        click.echo(str(error), err=True)
        sys.exit(1)


def services() -> "Services":
    """The services, inside an application context that ends with the command."""
    context = click.get_current_context().find_root()
    found: Services | None = context.meta.get("einlass.services")
    if found is None:
        found = context.with_resource(_open())
        context.meta["einlass.services"] = found
    return found


@contextlib.contextmanager
def _open() -> Iterator["Services"]:
    from idp.web.bare_app import create_bare_app, services_of

    app = create_bare_app(settings())
    with app.app_context():
        found = services_of(app)
        try:
            yield found
        finally:
            found.close()


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


def in_order(*decorators: Decorator) -> Decorator:
    """Several decorators as one: arguments and options appear in the order they are named."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def refuses(*reasons: type[Exception]) -> Decorator:
    """Turn the exceptions a service refuses with into exit status 1."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(command)
        def run(*args: Any, **kwargs: Any) -> Any:
            try:
                return command(*args, **kwargs)
            except reasons as error:
                refuse(str(error))

        return run

    return decorate


def rows(title: str, columns: Mapping[str, str], data: list[dict[str, Any]]) -> None:
    """A table for people: ``columns`` maps a key of each row to its heading."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for heading in columns.values():
        table.add_column(heading, overflow="fold")
    for row in data:
        table.add_row(*("" if row.get(key) is None else str(row[key]) for key in columns))
    Console(soft_wrap=not sys.stdout.isatty()).print(table)
