"""``samram keys``: API keys from the command line of the server's machine."""

from typing import Annotated

import typer
from rich.table import Table

from service.auth.roles import Role
from service.cli import show
from service.cli.people import City, database

app = typer.Typer(no_args_is_help=True, help="API keys, for programs and devices.")


@app.command()
def new(
    label: Annotated[str, typer.Argument(help="What it is for.", metavar="LABEL")],
    *,
    role: Annotated[Role, typer.Option(help="device sends readings, viewer reads, and so on.")] = Role.DEVICE,
    city: City = None,
    device: Annotated[str | None, typer.Option(help="The only sensor that it may speak for.")] = None,
    signed: Annotated[bool, typer.Option("--signed", help="The device signs what it sends with it.")] = False,
) -> None:
    """Make a key and print it, once: what is stored cannot be turned back into it."""
    from service.auth import audit, keys
    from service.auth.principal import COMMAND
    from service.auth.secret import server_secret
    from service.cli.store import read_settings
    from service.ingest.report import device_id

    with show.errors_as_sentences(), database() as session:
        settings = read_settings()
        row, plain = keys.add(
            session,
            role=role,
            city_id=city,
            label=label,
            by=COMMAND.name,
            device=None if device is None else device_id(device),
            server_secret=server_secret(settings.home, settings.secret.get_secret_value()) if signed else None,
        )
        audit.record(session, COMMAND, "samram keys new", city_id=city, key=row.id, role=role.value)
        session.commit()
        show.ERR.print(f"Key {row.id}: {role} of {city or 'every city'}. It is not shown again.", markup=False)
        show.OUT.print(plain, markup=False)


@app.command("list")
def list_keys(*, city: City = None) -> None:
    """List the keys of a city, or those that open every city."""
    from service.auth import keys

    table = Table("id", "label", "role", "sensor", "made", "revoked")
    with show.errors_as_sentences(), database() as session:
        for row in keys.of_city(session, city):
            revoked = "" if row.revoked_at is None else f"{row.revoked_at:%Y-%m-%d}"
            table.add_row(row.id, row.label, row.role, row.device or "", f"{row.created_at:%Y-%m-%d}", revoked)
    show.OUT.print(table)


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id: the twelve digits after samram_.", metavar="ID")],
    *,
    city: City = None,
) -> None:
    """End a key."""
    from service.auth import audit, keys
    from service.auth.principal import COMMAND

    with show.errors_as_sentences(), database() as session:
        keys.revoke(session, key_id, city_id=city)
        audit.record(session, COMMAND, "samram keys revoke", city_id=city, key=key_id)
        session.commit()
        show.OUT.print(f"Key {key_id} does not hold any more; a server that runs knows it within 5 s.", markup=False)
