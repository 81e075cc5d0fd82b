"""``samram streets``: what the streets of a city are worth to its trucks."""

import datetime as dt
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from service.cli import show

app = typer.Typer(no_args_is_help=True, help="Look at a city's streets as its trucks see them.")


@app.callback()
def streets() -> None:
    """Look at a city's streets as its trucks see them."""


@app.command()
def report(
    city: Annotated[Path, typer.Argument(help="The city's folder, or a zip of it.", metavar="CITY")],
    *,
    date: Annotated[
        dt.datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="As on this day, in the hours of its shifts; today, at any hour, if absent."
        ),
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw the spots to look at into this SVG file.")] = None,
) -> None:
    """Tell what was read, what each truck may use, what was dropped and why, and how the containers lie."""
    from geodata.city.dataset import load_city
    from geodata.city.profiles import profiles_up_to, truck_profiles
    from geodata.streets.osm import read_osm
    from geodata.streets.overlays import in_force
    from geodata.streets.report import report_picture, street_report
    from geodata.streets.roads import build_roads
    from geodata.streets.snap import snap
    from scenarios.day import hours_of
    from service.cli.compiling import told

    with show.errors_as_sentences(), told():
        dataset = load_city(city)
        fleet, _ = truck_profiles(dataset.vehicles)
        extract = read_osm(dataset.streets_path)
        day = (date or dt.datetime.now(ZoneInfo(dataset.timezone))).date()
        hours = None if date is None else hours_of(dataset.shifts, day)
        network = build_roads(
            extract,
            fleet,
            driving_side=dataset.driving_side,
            hours=hours,
            overlays=in_force(dataset.overlays, day, hours),
        )
        wanted = [profiles_up_to(container.access_class, fleet) for container in dataset.containers]
        places = snap(
            network,
            [container.lon for container in dataset.containers],
            [container.lat for container in dataset.containers],
            profiles=wanted,
            street=[container.street for container in dataset.containers],
            max_m=dataset.snap_max_m,
        )
        found = street_report(
            extract,
            network,
            places,
            names=[container.id for container in dataset.containers],
            profiles=wanted,
            overlays=dataset.overlays,
            day=day,
        )
        for line in found.lines:
            show.OUT.print(line, markup=False)
        if picture is not None:
            picture.write_text(report_picture(network, found), encoding="utf-8")
            show.OUT.print(f"picture: {picture}", markup=False)
