"""The ``samram`` command: city data in, plans out, or a server. Everything heavy is imported where it is used."""

import datetime as dt
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

import typer

from service.cli import city, keys, people, privacy, show, streets, study

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Plans municipal waste collection: from streets and bins to tomorrow's routes.",
)
app.add_typer(city.app, name="city")
app.add_typer(streets.app, name="streets")
app.add_typer(study.app, name="study")
app.add_typer(people.app, name="people")
app.add_typer(keys.app, name="keys")
app.add_typer(privacy.app, name="privacy")

CityPath = Annotated[Path, typer.Argument(help="The city's folder, or a zip of it.", metavar="CITY")]
Seconds = Annotated[float, typer.Option(min=1, max=86_400, help="How long to search.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of the search.")]
Workers = Annotated[int, typer.Option(min=1, max=64, help="Processes to search in, for free processors.")]
Port = Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on.")]
PolicyKind = Literal["schedule", "threshold", "forecast"]
Picture = Annotated[Path | None, typer.Option(help="Draw the routes on the street map into this SVG file.")]


@app.callback(invoke_without_command=True)
def options(*, show_version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    """Plans municipal waste collection: from streets and bins to tomorrow's routes."""
    if show_version:
        show.OUT.print(f"samram {version('samram')}")
        raise typer.Exit


@app.command()
def plan(
    city_path: CityPath,
    *,
    date: Annotated[
        dt.datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Service day; tomorrow if absent.")
    ] = None,
    seconds: Seconds = 30,
    seed: Seed = 0,
    steps: Annotated[
        int | None, typer.Option(min=1, help="End after so many better plans instead: reproducible.")
    ] = None,
    workers: Workers = 1,
    out: Annotated[Path | None, typer.Option(help="Write plan.json here (docs/plan-format.md).")] = None,
    geojson: Annotated[Path | None, typer.Option(help="Write the routes as GeoJSON into this folder.")] = None,
    picture: Picture = None,
    bound: Annotated[
        float | None, typer.Option(min=1, max=86_400, help="Also say what the day costs at least: seconds for it.")
    ] = None,
    events: Annotated[
        Path | None, typer.Option(help="CSV of readings and emptyings, as for backtest: collect what a policy chooses.")
    ] = None,
    policy: Annotated[PolicyKind, typer.Option(help="How to choose from the events (docs/policies.md).")] = "forecast",
) -> None:
    """Plan one day of a city; needs no database. Ctrl+C ends the search early and keeps its best plan."""
    from service.cli import planning

    with show.errors_as_sentences():
        planning.prepare_outputs([out, picture], [geojson])
        dataset, extract = planning.read(city_path)
        service_date = _service_date(date, dataset.timezone)
        chosen = None
        if events is not None:
            from service.cli.choosing import choose

            chosen = choose(dataset, service_date, events, policy)
        day, found = planning.plan_city(
            dataset,
            extract,
            service_date,
            seconds=seconds,
            seed=seed,
            steps=steps,
            workers=workers,
            chosen=None if chosen is None else chosen.due,
        )
        show.plan_table(day.problem, found)
        if bound is not None:
            from service.cli.bound import run

            run(day.problem, found, seconds=bound)
        if out is not None:
            planning.write_plan(day, found, out)
            show.OUT.print(f"plan: {out}", markup=False)
        if geojson is not None:
            written = planning.write_maps(day, found, geojson, why=None if chosen is None else chosen.why)
            show.OUT.print(f"maps: {len(written)} files in {geojson}", markup=False)
        if picture is not None:
            planning.write_picture(day, found, picture)
            show.OUT.print(f"picture: {picture}", markup=False)


@app.command()
def check(
    city_path: CityPath,
    plan_path: Annotated[Path, typer.Argument(help="A plan.json.", metavar="PLAN")],
    *,
    events: Annotated[Path | None, typer.Option(help="The CSV that the plan's containers were chosen from.")] = None,
    policy: Annotated[PolicyKind, typer.Option(help="How they were chosen.")] = "forecast",
) -> None:
    """Judge a stored plan anew, and hold its problem against the city; exit 1 on a violation."""
    from optimizer.judge.evaluate import check as judge
    from service.cli import planning

    with show.errors_as_sentences():
        problem, stored = planning.read_plan(plan_path)
        dataset, extract = planning.read(city_path)
        broken = judge(problem, stored)
        chosen = None
        if events is not None:
            from service.cli.choosing import chosen_from

            chosen = chosen_from(dataset, planning.date_of(problem), events, policy).due
        # The file of a large day holds some legs only; the city tells whether they are those of its streets.
        broken = broken or judge(planning.made_for(problem, stored, dataset, extract, chosen=chosen), stored)
        if broken:
            show.violations(broken)
            raise typer.Exit(1)
    served = len(problem.visits) - len(stored.unserved)
    show.OUT.print(
        f"The plan passes: {len(stored.routes)} routes, {served} of {len(problem.visits)} visits served, "
        f"{show.money(stored.cost.operating_micro, problem.currency)}."
    )


@app.command()
def explain(
    plan_path: Annotated[Path, typer.Argument(help="A plan.json, or the folder it lies in.", metavar="PLAN")],
    *,
    seconds: Seconds = 30,
    json_path: Annotated[Path | None, typer.Option("--json", help="Write the explanations here too.")] = None,
) -> None:
    """Say why each unserved visit of a stored plan is unserved, and what single change would serve it."""
    from service.cli.explain import run

    with show.errors_as_sentences():
        if not run(plan_path, seconds=seconds, json_path=json_path):
            raise typer.Exit(1)


@app.command()
def replay(
    plan: Annotated[
        str, typer.Argument(help="A plan.json, or the id of a plan in the server's database.", metavar="PLAN")
    ],
    *,
    steps: Annotated[
        int | None, typer.Option(min=1, help="The limit of steps under which it was searched, if nothing else says it.")
    ] = None,
) -> None:
    """Make a stored plan once more from its own problem, seed and edits; exit 1 if another one comes out."""
    from service.cli.replay import run

    with show.errors_as_sentences():
        if not run(plan, steps=steps):
            raise typer.Exit(1)


@app.command()
def backtest(
    events_path: Annotated[
        Path, typer.Argument(help="CSV: container_id, time, kind (reading or emptying), fill, kg.", metavar="FILE")
    ],
    *,
    from_day: Annotated[
        dt.datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First day to foretell; the last 30 % if absent."),
    ] = None,
    lead: Annotated[float, typer.Option(min=0, help="Hours ahead of each event that it is foretold.")] = 0,
    refit: Annotated[int, typer.Option(min=1, help="Days after which everything is learnt anew.")] = 7,
    max_gap: Annotated[
        float | None, typer.Option(min=0, help="Only events with one of their kind at most so many hours before.")
    ] = None,
    json_path: Annotated[Path | None, typer.Option("--json", help="Write the scores here too.")] = None,
) -> None:
    """Foretell a city's past without peeking, beside constant, container mean and persistence (docs/forecast.md)."""
    from service.cli.backtest import run

    with show.errors_as_sentences():
        run(
            events_path,
            from_day=None if from_day is None else from_day.date(),
            lead_hours=lead,
            refit_days=refit,
            most_gap_hours=max_gap,
            json_path=json_path,
        )


@app.command()
def simulate(
    city_path: CityPath,
    *,
    policy: Annotated[
        list[str] | None,
        typer.Option(help="schedule, as-good, threshold, forecast or perfect; may be repeated; all if absent."),
    ] = None,
    from_day: Annotated[
        dt.datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day that counts; tomorrow.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="Days that count.")] = 14,
    warm_up: Annotated[int, typer.Option(min=1, max=366, help="Days before, from which the forecasts learn.")] = 28,
    seed: Seed = 0,
    steps: Annotated[int, typer.Option(min=1, help="Of the search for each day's plan.")] = 3,
    pace: Annotated[float, typer.Option(min=0.01, max=10, help="Times the city's own fill rates.")] = 1.0,
    sensors: Annotated[float, typer.Option(min=0, max=1, help="Share of containers with a sensor.")] = 1.0,
    dead: Annotated[float, typer.Option(min=0, max=1, help="Share of the sensors that die.")] = 0.0,
    taps: Annotated[bool, typer.Option("--taps", help="Drivers say how full what they empty was.")] = False,
    json_path: Annotated[Path | None, typer.Option("--json", help="Write the figures here too.")] = None,
) -> None:
    """Let a city live for some weeks of drawn waste, the same under each policy (docs/policies.md)."""
    from scenarios.waste import Nature
    from service.cli import planning, simulate

    with show.errors_as_sentences():
        planning.prepare_outputs([json_path], [])
        wanted = simulate.policies_named(policy)
        dataset, extract = planning.read(city_path)
        simulate.run(
            dataset,
            extract,
            policies=wanted,
            first_day=_service_date(from_day, dataset.timezone),
            days=days,
            warm_up=warm_up,
            seed=seed,
            steps=steps,
            nature=Nature(pace=pace, sensors=sensors, dead=dead),
            taps=taps,
            cache_dir=planning.roads_dir(),
            json_path=json_path,
        )


@app.command()
def audit(
    city_path: CityPath,
    *,
    events: Annotated[Path, typer.Option(help="CSV of readings and emptyings, as for backtest.")],
    from_day: Annotated[dt.datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day to live again.")],
    to_day: Annotated[dt.datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")],
    policy: Annotated[PolicyKind, typer.Option(help="What to hold against the fixed schedule.")] = "forecast",
    seed: Seed = 0,
    steps: Annotated[int, typer.Option(min=1, help="Of the search for each day's plan.")] = 3,
    json_path: Annotated[Path | None, typer.Option("--json", help="Write the figures here too.")] = None,
) -> None:
    """Replay a city's past under its fixed schedule and under a policy: the saving, with its interval."""
    from service.cli import audit, planning
    from service.cli.backtest import read_events

    with show.errors_as_sentences():
        planning.prepare_outputs([json_path], [])
        dataset, extract = planning.read(city_path)
        table, _ = read_events(events)
        audit.run(
            dataset,
            extract,
            table,
            kind=policy,
            first_day=from_day.date(),
            last_day=to_day.date(),
            seed=seed,
            steps=steps,
            cache_dir=planning.roads_dir(),
            json_path=json_path,
        )


@app.command()
def generation(
    city_path: CityPath,
    *,
    weighings: Annotated[
        Path | None, typer.Option(help="CSV of loads: kg, zones (ids, parted by semicolons), and perhaps days.")
    ] = None,
    surveys: Annotated[Path | None, typer.Option(help="CSV: zone, kg_per_person_day, standard_error.")] = None,
    json_path: Annotated[Path | None, typer.Option("--json", help="Write the estimates here too.")] = None,
) -> None:
    """Estimate what people throw away, by zone, from weighed loads and surveys (docs/generation.md)."""
    from service.cli import generation, planning

    with show.errors_as_sentences():
        dataset, _ = planning.read(city_path)
        generation.run(dataset, weighings=weighings, surveys=surveys, json_path=json_path)


@app.command()
def serve(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on; SAMRAM_HOST or 127.0.0.1 if absent.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; SAMRAM_PORT or 8000 if absent.", min=0, max=65_535)] = None,
) -> None:
    """Serve the HTTP API and the map page, until Ctrl+C."""
    from service.cli import serving

    with show.errors_as_sentences():
        with serving.started_once():
            from service import logs
            from service.app import create_app
            from service.cli import store

            settings = store.read_settings(**({} if host is None else {"host": host}))
            logs.set_up(settings.log)
            engine = store.open_database(settings)  # what is wrong with it is said here, not by the server's traceback
            taken = serving.listen(settings.host, settings.port if port is None else port)
            serving.say_how_to_sign_in(settings, engine)
            engine.dispose()
            address = serving.address_of(taken)
            server = serving.make_server(
                create_app(settings),
                on_started=lambda: show.OUT.print(
                    f"Samram answers at {address}/ and keeps its data in {settings.home}."
                ),
            )
        serving.run(server, taken)


@app.command()
def backup(path: Annotated[Path, typer.Argument(help="The file to write.", metavar="FILE")]) -> None:
    """Write everything in the server's database into one file, while the server may be running."""
    from service.cli import keeping, planning

    with show.errors_as_sentences():
        planning.prepare_outputs([path], [])
        keeping.run_backup(path)


@app.command()
def restore(path: Annotated[Path, typer.Argument(help="A file of samram backup.", metavar="FILE")]) -> None:
    """Fill a new, empty database (SQLite or PostgreSQL, as the settings say) from a backup."""
    from service.cli import keeping

    with show.errors_as_sentences():
        keeping.run_restore(path)


@app.command()
def demo(
    *,
    plan_only: Annotated[bool, typer.Option("--plan-only", help="Plan and print; start no server.")] = False,
    containers: Annotated[int, typer.Option(min=50, max=10_000, help="Size of the built-in city.")] = 300,
    seconds: Seconds = 10,
    seed: Seed = 1,
    port: Port = 8000,
    picture: Annotated[
        Path | None, typer.Option(help="Draw the routes on the street map into this SVG file; start no server.")
    ] = None,
) -> None:
    """Plan the built-in synthetic city, and show it on a map page until Ctrl+C."""
    from geodata.city.demo import write_demo_city

    with tempfile.TemporaryDirectory(prefix="samram-demo-") as scratch, show.errors_as_sentences():
        if plan_only or picture is not None:
            from service.cli import planning

            planning.prepare_outputs([picture], [])
            dataset, extract = planning.read(write_demo_city(Path(scratch) / "city", containers=containers, seed=1))
            service_date = _service_date(None, dataset.timezone)
            day, found = planning.plan_city(dataset, extract, service_date, seconds=seconds, seed=seed)
            show.plan_table(day.problem, found)
            if picture is not None:
                planning.write_picture(day, found, picture)
                show.OUT.print(f"picture: {picture}", markup=False)
            return
        from geodata.city.dataset import load_city
        from service.cli.compiling import warm_up
        from service.cli.demo import serve_demo

        warm_up()  # else the run would compile in a process of its own, and nobody would say so
        folder = write_demo_city(Path(scratch) / "city", containers=containers, seed=1)
        service_date = _service_date(None, load_city(folder).timezone)
        serve_demo(folder, service_date, seconds=seconds, seed=seed, port=port, home=Path(scratch) / "home")


@app.command()
def warm() -> None:
    """Compile everything now that would be compiled on first use; an installer runs this once."""
    from service.cli.compiling import warm_up

    with show.errors_as_sentences():
        count = warm_up()
    show.OUT.print(f"{count} loops were compiled; nothing will be from now on." if count else "Everything is compiled.")


@app.command()
def report(
    city: Annotated[str, typer.Argument(help="The city's short name.", metavar="CITY")],
    *,
    month: Annotated[str, typer.Option(help="As 2026-11.", metavar="MONTH")],
    late_minutes: Annotated[int, typer.Option(min=0, max=1_440, help="Later than planned by more is late.")] = 60,
    csv: Annotated[Path | None, typer.Option(help="Write the table here.", metavar="FILE")] = None,
    cases: Annotated[
        Path | None, typer.Option(help="Write what was late, missed or disputed here, as CSV.", metavar="FILE")
    ] = None,
) -> None:
    """Set what contractors promised against what was done, by zone, from the server's database."""
    from service.cli.reporting import run

    with show.errors_as_sentences():
        run(city, month, late_minutes=late_minutes, csv=csv, cases=cases)


def _service_date(given: dt.datetime | None, timezone: str) -> dt.date:
    """Return the day to plan: the given one, or tomorrow where the city is."""
    from zoneinfo import ZoneInfo

    if given is not None:
        return given.date()
    return (dt.datetime.now(ZoneInfo(timezone)) + dt.timedelta(days=1)).date()


def main() -> None:
    """Run the command."""
    show.any_script()
    app()
