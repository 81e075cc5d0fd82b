"""``samram people``: accounts from the command line of the server's machine, the first one among them."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from service.auth.roles import PEOPLES_ROLES, Role
from service.cli import show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlmodel import Session

app = typer.Typer(no_args_is_help=True, help="Accounts: who may sign in, and what they may do.")

Name = Annotated[str, typer.Argument(help="The account's name.", metavar="NAME")]
City = Annotated[str | None, typer.Option(help="Short name of the city; every city if absent.")]


@app.command()
def add(
    name: Name,
    *,
    role: Annotated[Role, typer.Option(help="administrator, planner, dispatcher or viewer.")],
    city: City = None,
    sso: Annotated[
        bool, typer.Option("--sso", help="A new account has no password: it signs in at the provider of identities.")
    ] = False,
) -> None:
    """Give somebody a role, and an account if they have none. The password is asked for, or read from a pipe."""
    from service.auth import accounts, audit
    from service.auth.principal import COMMAND

    with show.errors_as_sentences():
        if role not in PEOPLES_ROLES:
            raise show.CommandError(f"An account is no {role}; drivers come by a link, and devices by a key.")
        with database() as session:
            known = any(one.name == accounts.account_name(name) for one in accounts.everybody(session))
            password = None if known or sso else _password()
            row, is_new = accounts.add(session, name, role=role, city_id=city, password=password, outside=sso)
            audit.record(session, COMMAND, "samram people add", city_id=city, name=row.name, role=role.value)
            session.commit()
            where = "every city" if city is None else f"city {city}"
            show.OUT.print(f"{'New account' if is_new else 'Account'} {row.name}: {role} of {where}.", markup=False)


@app.command("list")
def list_people(*, city: City = None) -> None:
    """List the accounts and their roles."""
    from service.auth import accounts

    with show.errors_as_sentences(), database() as session:
        found = accounts.everybody(session, city)
    table = Table("name", "every city", "single cities")
    for one in found:
        table.add_row(one.name, one.everywhere or "", ", ".join(f"{at}: {role}" for at, role in one.roles.items()))
    show.OUT.print(table)


@app.command()
def passwd(name: Name) -> None:
    """Set a password; every session of the account ends. It is asked for, or read from a pipe."""
    from service.auth import accounts, audit
    from service.auth.principal import COMMAND

    with show.errors_as_sentences(), database() as session:
        row = accounts.find(session, name)
        accounts.set_password(session, row, _password())
        audit.record(session, COMMAND, "samram people passwd", city_id=None, name=row.name)
        session.commit()
        show.OUT.print(f"Account {row.name} has a new password; its sessions are over.", markup=False)


@app.command()
def remove(name: Name, *, city: City = None) -> None:
    """Take somebody's role in a city, or their whole account."""
    from service.auth import accounts, audit
    from service.auth.principal import COMMAND

    with show.errors_as_sentences(), database() as session:
        row = accounts.find(session, name)
        audit.record(session, COMMAND, "samram people remove", city_id=city, name=row.name)
        accounts.remove(session, row, city_id=city)
        session.commit()
        show.OUT.print(f"{name} is no longer there." if city is None else f"{name} has no role in {city} any more.")


@contextmanager
def database() -> Iterator[Session]:
    """Open the database that the settings name; what it refuses is told in its sentence."""
    from sqlmodel import Session

    from service.cli.store import open_database, read_settings
    from service.problems import ServiceError

    engine = open_database(read_settings())
    try:
        with Session(engine, expire_on_commit=False) as session:
            yield session
    except ServiceError as error:
        raise show.CommandError(error.detail) from error
    finally:
        engine.dispose()


def _password() -> str:
    """Ask for a password twice; from a pipe, read its one line."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    found: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return found
