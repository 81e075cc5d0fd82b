"""``samram privacy``: what is kept of a driver's phone, handed out or erased on the server's machine."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli import show

app = typer.Typer(no_args_is_help=True, help="What is kept of drivers: hand it out, or erase it.")

City = Annotated[str, typer.Argument(help="The city's short name.", metavar="CITY")]
Phone = Annotated[str, typer.Argument(help="The phone's id, which its page shows.", metavar="PHONE")]


@app.command()
def export(
    city: City, phone: Phone, *, out: Annotated[Path | None, typer.Option(help="Write into this file.")] = None
) -> None:
    """Print everything that is kept of a phone as JSON."""
    import orjson

    from service.cli import store
    from service.driving.privacy import export_phone

    with show.errors_as_sentences():
        engine = store.open_database(store.read_settings())
        with engine.connect() as connection:
            events = export_phone(connection, city, phone)
        engine.dispose()
        if not events:
            raise show.CommandError(f"Nothing is kept of phone {phone!r} in city {city!r}.")
        text = orjson.dumps({"phone": phone, "events": events}, option=orjson.OPT_INDENT_2)
        if out is not None:
            out.write_bytes(text)
        else:
            typer.echo(text)


@app.command()
def erase(city: City, phone: Phone) -> None:
    """Delete a phone's positions and notes, and keep its work without saying whose it was."""
    from sqlalchemy import Connection
    from sqlmodel import Session

    from service.auth import audit
    from service.auth.principal import COMMAND
    from service.cli import store
    from service.driving.privacy import erase_phone

    def audited(connection: Connection) -> None:
        with Session(connection) as session:
            audit.record(session, COMMAND, "samram privacy erase", city_id=city)
            session.flush()

    with show.errors_as_sentences():
        engine = store.open_database(store.read_settings())
        found = erase_phone(engine, city, phone, also=audited)
        engine.dispose()
        if found is None:
            raise show.CommandError(f"Nothing is kept of phone {phone!r} in city {city!r}.")
        show.OUT.print(f"{found.positions} positions deleted; {found.events} events are nobody's now.")
