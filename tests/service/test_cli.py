"""The command as a dispatcher types it: what it prints, what it writes, and how it refuses."""

from __future__ import annotations

import csv
import json
import logging
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from geodata.streets.roads import build_roads
from service.cli.main import app
from service.cli.planning import _file_names
from service.cli.show import clock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Samram = Callable[..., "Ran"]

MONDAY = ("--date", "2026-11-23")
HEAVY = {"alembic", "fastapi", "numba", "numpy", "ortools", "osmium", "shapely", "sqlalchemy", "uvicorn"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("SAMRAM_")}


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Samram:
    """Give a way to type the command as a process of its own, without this machine's settings."""
    own = {"XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache")), "COLUMNS": "200"}

    def run(*words: object, **settings: str) -> Ran:
        ran = subprocess.run(
            [sys.executable, "-m", "service.cli", *map(str, words)],
            env=CLEAN | own | settings,
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=300,
        )
        return Ran(returncode=ran.returncode, stdout=ran.stdout, stderr=ran.stderr)

    return run


@pytest.fixture
def samram(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Samram:
    """Give a way to run the command inside this process, where everything is loaded already."""
    for name in os.environ.keys() - CLEAN.keys():
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(*words: object, **settings: str) -> Ran:
        with monkeypatch.context() as kept:
            # A server's command would leave the log going to a standard error that ends with it.
            kept.setattr(logging.root, "handlers", list(logging.root.handlers))
            result = CliRunner().invoke(app, [str(word) for word in words], env=settings)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(returncode=result.exit_code, stdout=result.stdout, stderr=result.stderr)

    return run


@pytest.fixture(scope="module")
def files(typed: Samram, city_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Plan the built-in city once, with every kind of output, into folders that are not there yet."""
    folder = tmp_path_factory.mktemp("files")
    planned = typed(
        *("plan", city_folder, *MONDAY, "--steps", 1, "--out", folder / "new" / "plan.json"),
        *("--geojson", folder / "maps", "--picture", folder / "pictures" / "day.svg"),
    )
    assert planned.returncode == 0, planned.stderr
    (folder / "said.txt").write_text(planned.stdout, encoding="utf-8")
    return folder


def refused(ran: Ran) -> str:
    """Return what was said when the command refused: sentences, with exit status 1, and no traceback."""
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr + ran.stdout
    assert ran.stderr.startswith("error: ")
    return ran.stderr


# --- the command itself ---


def test_help_loads_nothing_heavy(typed: Samram) -> None:
    """The list of verbs appears without loading arrays, streets, solvers or the web."""
    code = (
        "import sys\nfrom service.cli.main import app\n"
        "app(['--help'], standalone_mode=False)\n"
        "print(sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert "plan" in ran.stdout
    assert not HEAVY & set(ran.stderr.replace("'", "").strip("[]\n").split(", "))
    assert typed("--version").stdout.startswith("samram ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("plan", "city", "--date", "2026-13-01"), "--date"),
        (("plan", "city", "--seconds", "0"), "--seconds"),
        (("serve", "--port", "70000"), "--port"),
        (("city", "sample", "streets.osm", "out", "--driving-side", "middle"), "--driving-side"),
        (("fly",), "fly"),
    ],
)
def test_a_mistyped_command_is_explained(samram: Samram, words: tuple[str, ...], said: str) -> None:
    """A wrong option or verb is named, with exit status 2."""
    ran = samram(*words)
    assert ran.returncode == 2
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


# --- plan ---


def test_a_plan_is_told_in_figures(files: Path) -> None:
    """What is due, a line for each route, and the whole day's figures are printed."""
    said = (files / "said.txt").read_text(encoding="utf-8")
    totals = json.loads((files / "new" / "plan.json").read_bytes())["totals"]
    assert "2026-11-23: 65 of 65 containers and door-to-door stops are due" in said
    assert f"{totals['visits_served']} of 65 visits served by {totals['routes']} of 4 shifts" in said


def test_a_plan_leaves_a_map_for_each_driver(files: Path) -> None:
    """There is one GeoJSON file for all routes, one for each shift that drives, and a picture."""
    document = json.loads((files / "new" / "plan.json").read_bytes())
    written = {path.name for path in (files / "maps").iterdir()}
    assert written == {"routes.geojson", *(f"{route['shift']}.geojson" for route in document["routes"])}
    assert all(json.loads((files / "maps" / name).read_bytes())["type"] == "FeatureCollection" for name in written)
    assert "<svg" in (files / "pictures" / "day.svg").read_text(encoding="utf-8")[:300]


def test_streets_are_contracted_once(
    samram: Samram, city_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second plan of the same kind of day finds the streets on disk, and is the same; a damaged file is made anew."""
    built: list[int] = []

    def build(*words: Any, **more: Any) -> Any:
        built.append(1)
        return build_roads(*words, **more)

    monkeypatch.setattr("geodata.streets.cache.build_roads", build)
    plans = []
    for number in range(3):
        assert samram("plan", city_folder, *MONDAY, "--steps", 1, "--out", tmp_path / "plan.json").returncode == 0
        plans.append((tmp_path / "plan.json").read_bytes())
        (kept,) = (tmp_path / "cache" / "samram" / "roads").iterdir()
        if number == 1:
            kept.write_bytes(kept.read_bytes()[:-1000])
    assert len(built) == 2
    assert plans[0] == plans[1] == plans[2]
    assert samram("check", city_folder, tmp_path / "plan.json").returncode == 0
    assert len(built) == 2


def test_without_a_place_for_streets_the_day_is_planned_all_the_same(
    samram: Samram, city_folder: Path, tmp_path: Path
) -> None:
    """A cache folder that cannot be made is named in a note, and the command goes on without."""
    (tmp_path / "a file").write_text("", encoding="utf-8")
    ran = samram("plan", city_folder, *MONDAY, "--steps", 1, XDG_CACHE_HOME=str(tmp_path / "a file"))
    assert ran.returncode == 0, ran.stderr
    assert "note: The streets are not kept for the next time" in ran.stderr


def test_routes_of_another_plan_are_not_mistaken_for_todays(samram: Samram, city_folder: Path, tmp_path: Path) -> None:
    """A driver's file that an earlier plan has left in the folder is named."""
    (tmp_path / "old-shift.geojson").write_text("{}", encoding="utf-8")
    ran = samram("plan", city_folder, *MONDAY, "--steps", 1, "--geojson", tmp_path)
    assert ran.returncode == 0
    assert "files that are not of this plan: old-shift.geojson" in ran.stderr


def test_drivers_files_never_share_a_name() -> None:
    """Shifts whose names differ in case or in odd characters alone, or are called like the whole, get files apart."""
    names = _file_names(["A/1", "A_1", "a_1", "routes", "ROUTES", "ព្រឹក"])
    assert len({name.casefold() for name in [*names, "routes"]}) == 7
    assert names[0] == "A_1"


def test_a_day_without_shifts_is_an_answer(samram: Samram, city_folder: Path, tmp_path: Path) -> None:
    """On a day on which nobody works the command says so, counts the reasons, and ends well."""
    city = shutil.copytree(city_folder, tmp_path / "city")
    with (city / "shifts.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with (city / "shifts.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(row | {"weekdays": "sun"} for row in rows)
    ran = samram("plan", city, *MONDAY, "--steps", 1)
    assert ran.returncode == 0
    assert "note: No vehicle has a shift on 2026-11-23" in ran.stderr
    assert "65 unserved: 65 outside_every_shift" in ran.stdout
    assert "0 of 65 visits served" in ran.stdout


@pytest.mark.parametrize("option", ["--out", "--geojson", "--picture"])
def test_an_output_that_cannot_be_written_is_refused_before_the_search(
    samram: Samram, city_folder: Path, tmp_path: Path, option: str
) -> None:
    """A file where a folder should be is named at once, not after an hour of searching."""
    blocked = tmp_path / "a file"
    blocked.write_text("", encoding="utf-8")
    said = refused(samram("plan", city_folder, *MONDAY, "--seconds", 3600, option, blocked / "x" / "y"))
    assert "cannot be made: a file stands where a folder is expected" in said


def test_a_folder_is_no_file_to_write(samram: Samram, city_folder: Path, tmp_path: Path) -> None:
    """A folder given for plan.json is refused before the search."""
    said = refused(samram("plan", city_folder, *MONDAY, "--seconds", 3600, "--out", tmp_path))
    assert "is a folder; expected the name of a file" in said


def test_a_broken_city_lists_everything_that_is_wrong(samram: Samram, city_folder: Path, tmp_path: Path) -> None:
    """Every verb that takes a city prints each of its errors with their number."""
    city = shutil.copytree(city_folder, tmp_path / "city")
    text = (city / "vehicles.csv").read_text(encoding="utf-8")
    (city / "vehicles.csv").write_text(text.replace(",compactor,", ",airship,"), encoding="utf-8")
    (city / "streets.osm").unlink()
    said = {
        refused(ran) for ran in (samram("plan", city), samram("city", "check", city), samram("city", "import", city))
    }
    assert len(said) == 1
    (text,) = said
    assert text.count("access_class: this word is not known here") == 2
    assert "streets.osm: there are no streets" in text
    assert text.endswith(" errors\n")


@pytest.mark.parametrize("verb", ["plan", "city import"])
def test_a_city_that_is_not_there_is_refused(typed: Samram, verb: str) -> None:
    """A missing folder is named."""
    assert "nowhere: the path does not exist" in refused(typed(*verb.split(), "nowhere"))


# --- check ---


def test_a_plan_passes_for_its_city(typed: Samram, city_folder: Path, files: Path) -> None:
    """A plan that was just made passes."""
    ran = typed("check", city_folder, files / "new" / "plan.json")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("The plan passes: ")


def test_a_plan_of_other_data_is_refused_with_what_differs(
    samram: Samram, city_folder: Path, files: Path, tmp_path: Path
) -> None:
    """A city that has changed since is told by the parts that differ."""
    city = shutil.copytree(city_folder, tmp_path / "city")
    (city / "zones.geojson").unlink()
    said = refused(samram("check", city, files / "new" / "plan.json"))
    assert "What differs on 2026-11-23: visits (65 in the plan, 60 in the city)" in said


def test_a_tampered_plan_breaks_a_constraint(samram: Samram, city_folder: Path, files: Path, tmp_path: Path) -> None:
    """A plan that serves something a minute earlier than it can is refused with the violation."""
    document = json.loads((files / "new" / "plan.json").read_bytes())
    step = document["routes"][0]["steps"][1]
    for name in ("arrival_s", "start_s", "departure_s"):
        step[name] -= 60
    (tmp_path / "plan.json").write_text(json.dumps(document), encoding="utf-8")
    ran = samram("check", city_folder, tmp_path / "plan.json")
    assert ran.returncode == 1
    assert "violation: mismatch: " in ran.stderr
    assert ran.stderr.endswith("violation\n") or ran.stderr.endswith("violations\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "plan.json cannot be read as a plan."),
        ('{"format": "samram.plan", ', "plan.json cannot be read as a plan."),
        ("[]", "must be a JSON object"),
        ('{"format": "something else"}', "expected 'samram.plan'"),
        (None, "No such file"),
    ],
)
def test_what_is_no_plan_is_refused(
    samram: Samram, city_folder: Path, tmp_path: Path, text: str | None, said: str
) -> None:
    """A file that is absent, damaged or of another kind is refused with its name."""
    if text is not None:
        (tmp_path / "plan.json").write_text(text, encoding="utf-8")
    answer = refused(samram("check", city_folder, tmp_path / "plan.json"))
    assert said in answer
    assert "plan.json" in answer


@pytest.mark.parametrize("date", ["yesterday", None])
def test_a_plan_without_a_calendar_date_is_refused(
    samram: Samram, city_folder: Path, files: Path, tmp_path: Path, date: str | None
) -> None:
    """A plan whose service date is none cannot be held against a city, and says so."""
    from optimizer.problem.codec import decode_problem, problem_hash

    document = json.loads((files / "new" / "plan.json").read_bytes())
    document["problem"]["service_date"] = date
    document["problem_hash"] = problem_hash(decode_problem(document["problem"]))
    (tmp_path / "plan.json").write_text(json.dumps(document), encoding="utf-8")
    assert "names the service date" in refused(samram("check", city_folder, tmp_path / "plan.json"))


# --- city ---


def test_a_new_city_can_be_checked_at_once(samram: Samram, tmp_path: Path) -> None:
    """Templates are written into a new folder, are refused a second time, and lack their streets alone."""
    assert samram("city", "init", tmp_path / "mine").returncode == 0
    assert "something stands there already" in refused(samram("city", "init", tmp_path / "mine"))
    said = refused(samram("city", "check", tmp_path / "mine"))
    assert said.startswith("error: streets.osm: there are no streets")
    assert said.endswith("\n1 error\n")


@pytest.mark.parametrize("words", [("demo",), ("sample", "streets.osm")])
def test_a_made_up_city_replaces_no_real_one(samram: Samram, tmp_path: Path, words: tuple[str, ...]) -> None:
    """A folder that holds something is not written into."""
    (tmp_path / "containers.csv").write_text("mine", encoding="utf-8")
    assert "something stands there already" in refused(samram("city", *words, tmp_path))
    assert (tmp_path / "containers.csv").read_text(encoding="utf-8") == "mine"


def test_seeded_tables_replace_none_unless_asked_to(samram: Samram, tmp_path: Path) -> None:
    """Tables that a city has filled stay as they are, and the way to replace them is named."""
    nodes = '<node id="1" lon="1" lat="1"><tag k="amenity" v="waste_basket"/></node><node id="2" lon="1.001" lat="1"/>'
    way = '<way id="1"><nd ref="1"/><nd ref="2"/><tag k="highway" v="residential"/></way>'
    (tmp_path / "s.osm").write_text(f'<osm version="0.6">{nodes}{way}</osm>', encoding="utf-8")
    words = ("city", "containers-from-osm", tmp_path / "s.osm", tmp_path / "seeded")
    assert samram(*words).stdout.startswith("1 containers in ")
    assert "containers.csv is there already; --overwrite replaces it." in refused(samram(*words))
    assert samram(*words, "--overwrite").returncode == 0


def test_an_extract_without_streets_for_trucks_makes_no_sample(samram: Samram, tmp_path: Path) -> None:
    """A sample city on an extract that no truck can use is refused with the extract's name."""
    nodes = '<node id="1" lon="1" lat="1"/><node id="2" lon="1.001" lat="1"/>'
    way = '<way id="1"><nd ref="1"/><nd ref="2"/><tag k="highway" v="steps"/></way>'
    (tmp_path / "steps.osm").write_text(f'<osm version="0.6">{nodes}{way}</osm>', encoding="utf-8")
    assert "steps.osm" in refused(samram("city", "sample", tmp_path / "steps.osm", tmp_path / "out"))


def test_names_in_any_script_reach_any_terminal(typed: Samram, city_folder: Path, tmp_path: Path) -> None:
    """A Khmer name is escaped, not a failure, where the terminal cannot show it."""
    city = shutil.copytree(city_folder, tmp_path / "city")
    text = (city / "city.toml").read_text(encoding="utf-8")
    name = next(line for line in text.splitlines() if line.startswith("name"))
    (city / "city.toml").write_text(text.replace(name, 'name = "សៀមរាប"'), encoding="utf-8")
    ran = typed("city", "check", city, PYTHONIOENCODING="ascii")
    assert ran.returncode == 0, ran.stderr
    assert "\\u179f" in ran.stdout


@pytest.mark.parametrize("verb", [("serve", "--port", "0"), ("city", "import", "CITY")])
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"SAMRAM_PORT": "many"}, "SAMRAM_PORT is 'many'"),
        ({"SAMRAM_DATABASE_URL": "sqlite:///:memory:"}, "a file is expected"),
        ({"SAMRAM_DATABASE_URL": "sqlite:////nowhere/at/all.sqlite"}, "cannot be used"),
        ({"SAMRAM_HOME": "CITY/city.toml"}, "SAMRAM_HOME names another one"),
    ],
)
def test_settings_that_cannot_be_used_are_named(
    samram: Samram, city_folder: Path, verb: tuple[str, ...], settings: dict[str, str], said: str
) -> None:
    """A wrong setting of the environment is named in a sentence, by every verb that reads the settings."""
    words = [word.replace("CITY", str(city_folder)) for word in verb]
    given = {name: value.replace("CITY", str(city_folder)) for name, value in settings.items()}
    assert said in refused(samram(*words, **given))


def test_a_city_above_the_servers_limits_is_not_imported(samram: Samram, city_folder: Path, tmp_path: Path) -> None:
    """The limit is named."""
    settings = {"SAMRAM_HOME": str(tmp_path), "SAMRAM_MAX_CONTAINERS": "10"}
    said = refused(samram("city", "import", city_folder, **settings))
    assert "has 60 containers; this server accepts at most 10" in said


@pytest.mark.parametrize("words", [("serve",), ("demo", "--containers", "50")])
def test_a_port_in_use_is_named(samram: Samram, tmp_path: Path, words: tuple[str, ...]) -> None:
    """A port that another program has taken is named, with the way out."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused(samram(*words, "--port", port, SAMRAM_HOME=str(tmp_path)))
    assert f"Port {port} of 127.0.0.1 is in use by another program; --port takes another one" in said


def test_times_past_midnight_show_the_next_day() -> None:
    """The clock of a night shift goes on at midnight, and marks the day."""
    assert [clock(0), clock(86_399), clock(86_400), clock(95_400)] == ["00:00", "23:59", "00:00 +1", "02:30 +1"]
