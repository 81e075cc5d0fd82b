"""``samram city``: make, check, seed and import a city dataset."""

import datetime as dt
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import typer

from geodata.errors import DataError
from service.cli import show

app = typer.Typer(no_args_is_help=True, help="Make, check, seed and import a city dataset (docs/city-dataset.md).")

CityPath = Annotated[Path, typer.Argument(help="The city's folder, or a zip of it.", metavar="CITY")]


@app.command()
def init(directory: Annotated[Path, typer.Argument(help="A new or empty folder.", metavar="DIR")]) -> None:
    """Write the templates of a new city."""
    from geodata.city.templates import init_city

    with show.errors_as_sentences():
        init_city(directory)
    show.OUT.print(f"Templates are in {directory}; README.txt there says what to do next.", markup=False)


@app.command()
def check(city: CityPath) -> None:
    """List everything that is wrong, or doubtful, with a city's files; exit 1 if anything must be mended."""
    from geodata.city.check import check_city
    from service.cli.compiling import told

    with show.errors_as_sentences(), told():
        report = check_city(city, today=lambda timezone: dt.datetime.now(ZoneInfo(timezone)).date())
    show.findings("warning", report.warnings)
    show.findings("error", report.errors)
    if not report.ok:
        raise typer.Exit(1)
    for line in report.summary():
        show.OUT.print(line, markup=False)
    show.OUT.print("The city can be planned.")


@app.command()
def containers_from_osm(
    streets: Annotated[Path, typer.Argument(help="An OpenStreetMap extract.", metavar="STREETS")],
    directory: Annotated[Path, typer.Argument(help="Folder to write into.", metavar="DIR")],
    *,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace tables that are there.")] = False,
) -> None:
    """Seed containers.csv and disposal_sites.csv from an extract's own tags."""
    from geodata.city.from_osm import containers_from_osm as seed_from
    from geodata.city.from_osm import write_seed
    from geodata.streets.osm import read_osm

    with show.errors_as_sentences():
        there = [name for name in ("containers.csv", "disposal_sites.csv") if (directory / name).exists()]
        if there and not overwrite:
            raise show.CommandError(f"{directory / there[0]} is there already; --overwrite replaces it.")
        seed = seed_from(read_osm(streets))
        bins, sites = write_seed(seed, directory, overwrite=overwrite)
    show.OUT.print(f"{len(seed.containers)} containers in {bins}", markup=False)
    show.OUT.print(f"{len(seed.disposal_sites)} candidate disposal sites in {sites}", markup=False)


@app.command()
def demo(
    directory: Annotated[Path, typer.Argument(help="A new or empty folder.", metavar="DIR")],
    *,
    containers: Annotated[int, typer.Option(min=50, max=10_000, help="How many containers.")] = 300,
    seed: Annotated[int, typer.Option(help="The same seed writes the same city.")] = 1,
) -> None:
    """Write the built-in synthetic city as a dataset, to look at or to start from."""
    from geodata.city.demo import write_demo_city

    with show.errors_as_sentences():
        _refuse_filled(directory)
        write_demo_city(directory, containers=containers, seed=seed)
    show.OUT.print(f"A synthetic city with {containers} containers is in {directory}.", markup=False)


@app.command()
def sample(
    streets: Annotated[Path, typer.Argument(help="An OpenStreetMap extract.", metavar="STREETS")],
    directory: Annotated[Path, typer.Argument(help="A new or empty folder.", metavar="DIR")],
    *,
    containers: Annotated[int, typer.Option(min=1, max=10_000, help="How many containers.")] = 300,
    vehicles: Annotated[int, typer.Option(min=1, max=200, help="How many vehicles.")] = 6,
    seed: Annotated[int, typer.Option(help="Decides where everything stands.")] = 1,
    driving_side: Annotated[Literal["left", "right"], typer.Option(help="Where traffic drives.")] = "right",
    islands: Annotated[
        bool, typer.Option("--islands", help="Also put containers on streets cut off from the depot.")
    ] = False,
) -> None:
    """Write a made-up city on real streets, for trials and tests."""
    from geodata.city.demo.sample import sample_city

    with show.errors_as_sentences():
        _refuse_filled(directory)
        try:
            sample_city(
                streets,
                directory,
                containers=containers,
                vehicles=vehicles,
                seed=seed,
                driving_side=driving_side,
                islands=islands,
            )
        except DataError:
            raise
        except ValueError as error:
            raise show.CommandError(f"{streets} cannot carry a made-up city. {error}") from error
    show.OUT.print(f"A made-up city with {containers} containers on real streets is in {directory}.", markup=False)


@app.command("import")
def import_(city: CityPath) -> None:
    """Store a city in the server's database (SAMRAM_HOME or SAMRAM_DATABASE_URL says which)."""
    from service.cli.store import import_city

    with show.errors_as_sentences():
        city_id, is_new, dataset = import_city(city)
    show.findings("warning", dataset.warnings)
    how = "imported" if is_new else "already there, with the same content"
    show.OUT.print(f"City {city_id!r} is {how}; `samram serve` shows it.", markup=False)


def _refuse_filled(directory: Path) -> None:
    """Keep a made-up city from replacing the files of a real one."""
    if directory.exists() and not (directory.is_dir() and not any(directory.iterdir())):
        raise show.CommandError(f"{directory}: something stands there already; expected a new or empty folder.")
