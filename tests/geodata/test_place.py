"""Streets by the name of a place, against servers on the loopback that replay what the real ones send."""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import sys
import threading
import urllib.parse
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from geodata.city.dataset import load_city
from geodata.city.demo import write_demo_city
from geodata.errors import CityDatasetError, DataError
from geodata.streets import place as place_module
from geodata.streets.osm import read_osm
from geodata.streets.place import fetch_place, overpass_query

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("osmnx") is None, reason="osmnx is not installed; it comes with the extra 'place'"
)

MALE_BOX = (4.165, 73.49, 4.25, 73.56)


def found(south: float, west: float, north: float, east: float, **changes: object) -> dict[str, object]:
    """Answer what Nominatim says of a place."""
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {
        "place_id": 1,
        "osm_type": "relation",
        "osm_id": 2,
        "lat": str((south + north) / 2),
        "lon": str((west + east) / 2),
        "class": "boundary",
        "type": "administrative",
        "importance": 0.7,
        "display_name": "Malé, Maldives",
        "boundingbox": [str(south), str(north), str(west), str(east)],
        "geojson": {"type": "Polygon", "coordinates": [ring]},
        **changes,
    }


@dataclass
class Replay:
    """Two services in one: what they answer, and what they were asked."""

    places: list[dict[str, object]] = field(default_factory=lambda: [found(*MALE_BOX)])
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    searches: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def replay() -> Iterator[Replay]:
    state = Replay()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.searches.append(urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)["q"][0])
            self.answer(200, {"Content-Type": "application/json"}, json.dumps(state.places).encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            state.queries.append(urllib.parse.parse_qs(body)["data"][0])
            state.agents.append(self.headers["User-Agent"])
            self.answer(*(state.answers.pop(0) if len(state.answers) > 1 else state.answers[0]))

        def answer(self, status: int, headers: dict[str, str], data: bytes) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: object) -> None:
            """Say nothing on the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def streets(tmp_path: Path) -> bytes:
    """Draw an extract in OSM XML with turn restrictions and waste features."""
    return (write_demo_city(tmp_path / "drawn", containers=50) / "streets.osm").read_bytes()


def fetch(replay: Replay, cache: Path, **more: object) -> Path:
    waited: list[float] = []
    arguments: dict[str, object] = {"sleep": waited.append, "timeout_s": 5.0, **more}
    return fetch_place(
        "Malé, Maldives",
        cache_dir=cache,
        nominatim_url=replay.url,
        overpass_url=f"{replay.url}/api/interpreter",
        **arguments,  # type: ignore[arg-type]
    )


def use_services(monkeypatch: pytest.MonkeyPatch, replay: Replay) -> None:
    """Let ``load_city``, which knows the real services alone, find those on the loopback."""
    defaults = fetch_place.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "nominatim_url", replay.url)
    monkeypatch.setitem(defaults, "overpass_url", replay.url)


def test_a_place_becomes_an_extract_with_restrictions_and_features(
    replay: Replay, streets: bytes, tmp_path: Path
) -> None:
    """The place is looked up once, and its streets, asked for with restrictions, are read like any extract."""
    replay.answers = [(200, {}, streets)]
    path = fetch(replay, tmp_path / "cache")
    assert path.read_bytes() == streets
    extract = read_osm(path)
    assert extract.restrictions
    assert extract.features
    assert replay.searches == ["Malé, Maldives"]
    assert len(replay.queries) == 1
    for part in ("[out:xml]", 'way["highway"]', '"^restriction"', "waste_basket", "landfill", "(._;>;)"):
        assert part in replay.queries[0]
    assert replay.agents[0].startswith("samram")


def test_a_real_extract_is_replayed(replay: Replay, tmp_path: Path) -> None:
    """The streets of Malé, sent by the loopback server, are read to the same network as from their file."""
    folder = os.environ.get("SAMRAM_DATA")
    if not folder:
        pytest.skip("SAMRAM_DATA does not name a folder with real extracts")
    packed = Path(folder) / "osm" / "male_streets.osm.gz"
    replay.answers = [(200, {}, gzip.decompress(packed.read_bytes()))]
    fetched, direct = read_osm(fetch(replay, tmp_path / "cache")), read_osm(packed)
    assert fetched.way_tags == direct.way_tags
    assert (fetched.node_id == direct.node_id).all()


def test_what_was_fetched_is_not_fetched_again(replay: Replay, streets: bytes, tmp_path: Path) -> None:
    """A second time nothing is asked of either service, and neither osmnx nor a network is needed."""
    replay.answers = [(200, {}, streets)]
    first = fetch(replay, tmp_path / "cache")
    assert fetch(replay, tmp_path / "cache") == first
    assert (len(replay.searches), len(replay.queries)) == (1, 1)


def test_the_box_reaches_places_nearby_and_not_far_away(replay: Replay, streets: bytes, tmp_path: Path) -> None:
    """A landfill 30 km away widens the box that is asked for, one 300 km away does not."""
    replay.answers = [(200, {}, streets)]
    fetch(replay, tmp_path / "cache", cover=[(73.8, 4.2), (76.5, 4.2)])
    box = replay.queries[0].split('way["highway"](')[1].split(")")[0]
    south, west, north, east = (float(number) for number in box.split(","))
    assert 73.8 < east < 73.82
    assert 73.48 < west < MALE_BOX[1]
    assert south < MALE_BOX[0] < MALE_BOX[2] < north


def test_a_busy_service_is_asked_again_when_it_says(replay: Replay, streets: bytes, tmp_path: Path) -> None:
    """Status 429 and 504 are tried again after the time the service names, at most two minutes."""
    replay.answers = [
        (429, {"Retry-After": "7"}, b""),
        (504, {}, b""),
        (429, {"Retry-After": "9999"}, b""),
        (200, {}, streets),
    ]
    waited: list[float] = []
    fetch(replay, tmp_path / "cache", sleep=waited.append)
    assert waited == [7.0, 4.0, 120.0]
    assert len(replay.queries) == 4


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((429, {}, b""), "status 429 after 5 attempts"),
        ((400, {}, b"bad query"), "status 400 after 1 attempts"),
        ((200, {}, b"<html>busy</html>"), "begins with '<html>busy"),
        ((200, {}, b""), "begins with ''"),
        ((200, {}, b"<osm version='0.6'><remark> runtime error: Query timed out </remark></osm>"), "Query timed out"),
        ((200, {}, b"<osm version='0.6'><node id='1'"), "cut short"),
        ((200, {}, b"<osm version='0.6'>" + b" " * 10_000), "too large"),
    ],
)
def test_answers_that_cannot_be_used_are_errors_and_are_not_kept(
    replay: Replay, tmp_path: Path, answer: tuple[int, dict[str, str], bytes], says: str
) -> None:
    """What Overpass sends instead of streets is an error that names the place, and is not kept in the cache."""
    replay.answers = [answer]
    with pytest.raises(DataError, match=says) as caught:
        fetch(replay, tmp_path / "cache", max_bytes=5_000)
    assert (caught.value.finding.file, caught.value.finding.column) == ("city.toml", "place")
    assert caught.value.finding.value == "Malé, Maldives"
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".json"]


@pytest.mark.parametrize(
    ("places", "says"),
    [
        ([], "not found"),
        ([found(*MALE_BOX, geojson={"type": "Point", "coordinates": [73.5, 4.2]})], "no area"),
        ([found(-10, 60, 20, 100)], "km²"),
    ],
)
def test_places_that_are_not_cities_are_errors(
    replay: Replay, tmp_path: Path, places: list[dict[str, object]], says: str
) -> None:
    """An unknown place, a point and a continent are refused before streets are asked for."""
    replay.places = places
    with pytest.raises(DataError, match=says):
        fetch(replay, tmp_path / "cache")
    assert replay.queries == []


def test_no_service_at_all_is_an_error(tmp_path: Path) -> None:
    """A service that does not answer is named in the error."""
    with pytest.raises(DataError, match="could not be looked up"):
        fetch(Replay(url="http://127.0.0.1:9"), tmp_path / "cache")


def test_an_address_that_is_no_web_address_is_refused(replay: Replay, tmp_path: Path) -> None:
    """A file: address for Overpass would read this machine's files and is refused."""
    with pytest.raises(DataError, match="not a web address"):
        fetch_place("Malé", cache_dir=tmp_path, nominatim_url=replay.url, overpass_url="file:///etc/passwd")


def test_without_osmnx_the_error_says_how_to_get_it(
    replay: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the extra is not installed, the error names it and the other way to give streets."""
    monkeypatch.setitem(sys.modules, "osmnx", None)
    with pytest.raises(DataError, match=r"samram\[place\]"):
        fetch(replay, tmp_path / "cache")


def test_osmnx_is_left_as_it_was(replay: Replay, streets: bytes, tmp_path: Path) -> None:
    """Osmnx's global settings are the same after a place was fetched as before."""
    import osmnx

    names = ("nominatim_url", "requests_timeout", "use_cache", "http_user_agent", "doh_url_template")
    before = [getattr(osmnx.settings, name) for name in names]
    replay.answers = [(200, {}, streets)]
    fetch(replay, tmp_path / "cache")
    assert [getattr(osmnx.settings, name) for name in names] == before


def test_a_city_that_names_its_place_loads(replay: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A city with ``place`` and no streets file gets its streets fetched, widened to reach its landfill."""
    city = write_demo_city(tmp_path / "city", containers=50)
    text = (city / "city.toml").read_text(encoding="utf-8")
    (city / "city.toml").write_text('place = "Samram"\n' + text, encoding="utf-8")
    replay.places = [found(13.355, 103.855, 13.365, 103.865)]
    replay.answers = [(200, {}, (city / "streets.osm").read_bytes())]
    (city / "streets.osm").unlink()
    use_services(monkeypatch, replay)
    loaded = load_city(city, cache_dir=tmp_path / "cache")
    assert loaded.streets_path.is_relative_to(tmp_path / "cache")
    assert len(loaded.containers) == 50
    east = float(replay.queries[0].split('way["highway"](')[1].split(")")[0].split(",")[3])
    assert east > loaded.disposal_sites[0].lon


def test_a_city_with_errors_asks_no_service(replay: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Streets are fetched only for a city whose tables are without error."""
    city = write_demo_city(tmp_path / "city", containers=50)
    text = (city / "city.toml").read_text(encoding="utf-8")
    (city / "city.toml").write_text('place = "Samram"\n' + text.replace("USD", "$"), encoding="utf-8")
    (city / "streets.osm").unlink()
    use_services(monkeypatch, replay)
    with pytest.raises(CityDatasetError, match="currency"):
        load_city(city, cache_dir=tmp_path / "cache")
    assert replay.searches == []


def test_the_query_names_the_box_south_first() -> None:
    """Overpass wants south, west, north, east, unlike everything else here."""
    query = overpass_query((1.0, 2.0, 3.0, 4.0), timeout_s=30)
    assert 'way["highway"](1.000000,2.000000,3.000000,4.000000);' in query
    assert "[timeout:30]" in query
    assert place_module.OVERPASS_URL.startswith("https://")
