"""Problems and plans survive their JSON form, and a broken document is refused with its place."""

from __future__ import annotations

import base64
import copy
import json
import re
import zlib
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.judge.evaluate import evaluate
from optimizer.problem.codec import (
    decode_plan,
    decode_problem,
    dumps,
    encode_plan,
    encode_problem,
    loads,
    problem_hash,
)
from optimizer.problem.errors import InvalidProblem
from optimizer.problem.matrix import TravelMatrix
from optimizer.problem.model import Break, Depot, DisposalSite, Location, Problem, Shift, TimeWindow, Vehicle, Visit
from optimizer.problem.plan import Plan, Reason, RouteOrder, StepKind, UnloadAction, Unserved, VisitAction

if TYPE_CHECKING:
    from collections.abc import Callable

Document = dict[str, Any]

PLAN_FORMAT_PAGE = Path(__file__).parents[3] / "docs" / "plan-format.md"

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6).filter(str.strip)
amounts = st.integers(0, 2**40)
streams = st.frozensets(st.sampled_from(["residual", "organic", "glass", "ប្លាស្ទិក"]), max_size=3)
coordinates = st.builds(Location, lon=st.floats(-180, 180), lat=st.floats(-90, 90))


def equal(one: Problem, other: Problem) -> bool:
    """Whether two problems are the same, down to the cells of their matrices."""
    parts = [field.name for field in fields(Problem) if field.compare and field.name != "matrix"]
    return (
        all(getattr(one, part) == getattr(other, part) for part in parts)
        and one.matrix.profiles == other.matrix.profiles
        and all(
            np.array_equal(one.matrix.duration_s(profile), other.matrix.duration_s(profile))
            and np.array_equal(one.matrix.distance_m(profile), other.matrix.distance_m(profile))
            for profile in one.matrix.profiles
        )
    )


@st.composite
def time_windows(draw: st.DrawFn) -> tuple[TimeWindow, ...]:
    """Return up to three windows, in order and apart."""
    ends = sorted(draw(st.sets(st.integers(0, 200_000), max_size=6)))
    return tuple(TimeWindow(start_s=a, end_s=b) for a, b in zip(ends[::2], ends[1::2], strict=False))


@st.composite
def matrices(draw: st.DrawFn, n: int) -> TravelMatrix:
    """Return a matrix of one or two profiles in which some paths are missing."""
    profiles = draw(st.sets(names, min_size=1, max_size=2))
    durations, distances = {}, {}
    for profile in profiles:
        cells = st.lists(st.integers(-1, 2**31 - 1), min_size=n * n, max_size=n * n)
        duration_s = np.array(draw(cells), dtype=np.int32).reshape(n, n)
        np.fill_diagonal(duration_s, 0)
        durations[profile] = duration_s
        distances[profile] = np.where(duration_s > 0, duration_s // 3, duration_s).astype(np.int32)
    return TravelMatrix(durations, distances)


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Return a day with any values that the vocabulary allows."""
    n = draw(st.integers(1, 4))
    node = st.integers(0, n - 1)
    matrix = draw(matrices(n))
    depots = [Depot(id=name, node=draw(node)) for name in draw(st.sets(names, min_size=1, max_size=2))]
    vehicles = [
        Vehicle(
            id=name,
            depot=draw(st.sampled_from(depots)).id,
            profile=draw(st.sampled_from(matrix.profiles)),
            access_class=draw(names),
            capacity_kg=draw(st.integers(1, 2**40)),
            body_l=draw(st.integers(1, 2**40)),
            compaction_permille=draw(st.integers(1_000, 9_000)),
            streams=draw(st.none() | streams),
            mixed_streams=draw(st.booleans()),
            lift_s=draw(amounts),
            range_m=draw(st.none() | st.integers(1, 2**40)),
            fixed_micro=draw(amounts),
            micro_per_s=draw(amounts),
            micro_per_m=draw(amounts),
        )
        for name in draw(st.sets(names, max_size=2))
    ]
    shifts = [
        Shift(
            id=f"shift of {vehicle.id}",
            vehicle=vehicle.id,
            start_s=draw(st.integers(0, 100_000)),
            end_s=draw(st.integers(100_001, 200_000)),
            breaks=draw(st.sampled_from([(), (Break(duration_s=60, earliest_s=5, latest_s=6),)])),
            max_overtime_s=draw(amounts),
            overtime_micro_per_s=draw(amounts),
            max_stops=draw(st.none() | amounts),
            max_daily_kg=draw(st.none() | amounts),
        )
        for vehicle in vehicles
    ]
    visits = [
        Visit(
            id=name,
            stop=draw(names),
            kerb=tuple(draw(st.sets(node, max_size=2))),
            stream=draw(names),
            demand_kg=draw(amounts),
            demand_l=draw(amounts),
            service_s=draw(amounts),
            setup_s=draw(amounts),
            lifts=draw(amounts),
            windows=draw(time_windows()),
            access=draw(st.none() | streams),
            prize_micro=draw(st.none() | amounts),
            vehicle=draw(st.sampled_from([None, *(vehicle.id for vehicle in vehicles)])),
            containers=tuple(draw(st.lists(names, max_size=2))),
        )
        for name in draw(st.sets(names, max_size=3))
    ]
    sites = [
        DisposalSite(
            id=name,
            node=draw(node),
            unloading_s=draw(amounts),
            windows=draw(time_windows()),
            streams=draw(st.none() | streams),
            fee_micro_per_kg=draw(amounts),
        )
        for name in draw(st.sets(names, max_size=2))
    ]
    return Problem(
        matrix=matrix,
        locations=tuple(draw(st.lists(coordinates, min_size=n, max_size=n))),
        depots=tuple(depots),
        disposal_sites=tuple(sites),
        vehicles=tuple(vehicles),
        shifts=tuple(shifts),
        visits=tuple(visits),
        currency=draw(names),
        service_date=draw(st.none() | names),
    )


@settings(max_examples=100, deadline=None)
@given(problem=problems())
def test_problem_survives_its_json(problem: Problem) -> None:
    """Any problem is the same, with the same hash, after it was written as bytes and read again."""
    again = decode_problem(loads(dumps(encode_problem(problem))))
    assert equal(again, problem)
    assert problem_hash(again) == problem_hash(problem)


@settings(max_examples=100, deadline=None)
@given(one=problems(), other=problems())
def test_hashes_are_equal_only_for_equal_problems(one: Problem, other: Problem) -> None:
    """Two problems have one hash exactly if they are the same."""
    assert (problem_hash(one) == problem_hash(other)) == equal(one, other)


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the paths of all numbers, texts, truths and nulls of a document."""
    if isinstance(value, dict):
        return [leaf for key, inner in value.items() for leaf in leaves(inner, (*path, key))]
    if isinstance(value, list):
        return [leaf for index, inner in enumerate(value) for leaf in leaves(inner, (*path, index))]
    return [path]


def parent_of(document: Any, path: tuple[str | int, ...]) -> Any:
    """Return what holds the value at a path."""
    for part in path[:-1]:
        document = document[part]
    return document


def test_every_field_counts_in_the_hash(problem: Problem) -> None:
    """A change of any single field, or of one matrix cell, gives another hash or no valid problem at all."""
    document = encode_problem(problem)
    stated = problem_hash(problem)
    checked = 0
    for path in leaves(document):
        changed = copy.deepcopy(document)
        holder = parent_of(changed, path)
        value = holder[path[-1]]
        if path[-1] == "data":
            raw = bytearray(zlib.decompress(base64.b64decode(value)))
            raw[4] += 1
            holder["data"] = base64.b64encode(zlib.compress(raw)).decode()
        elif isinstance(value, bool):
            holder[path[-1]] = not value
        else:
            holder[path[-1]] = value + "x" if isinstance(value, str) else value + 1
        try:
            assert problem_hash(decode_problem(changed)) != stated, path
        except InvalidProblem:
            continue
        checked += 1
    assert checked >= 40


def test_hash_does_not_depend_on_the_compression(problem: Problem) -> None:
    """The same cells compressed otherwise are the same problem."""
    document = encode_problem(problem)
    packed = document["matrix"]["truck"]["duration_s"]
    raw = zlib.decompress(base64.b64decode(packed["data"]))
    packed["data"] = base64.b64encode(zlib.compress(raw, 9)).decode()
    assert problem_hash(decode_problem(document)) == problem_hash(problem)


def test_hash_stays_the_same_over_versions(problem: Problem) -> None:
    """The hash of a given problem stays what it is for as long as the format's version does: stored plans name it."""
    assert problem_hash(problem) == "sha256:deba5d3f72980cdd25fef307bfb0be8aa278ca6b970f155954ea7c4d3449b61c"


def test_a_stated_penalty_survives_and_counts(problem: Problem) -> None:
    """What leaving a required visit out costs is written where it is stated, read again, and part of the hash."""
    stated = replace(problem, required_micro=7)
    assert "required_micro" not in encode_problem(problem)
    assert decode_problem(encode_problem(stated)).required_micro == 7
    assert problem_hash(stated) != problem_hash(problem)


def test_equal_places_have_equal_hashes(make_problem: Callable[..., Problem]) -> None:
    """Whole degrees and minus zero do not make another problem of the same places."""
    ints = make_problem(locations=(Location(lon=0, lat=1),) * 4)
    floats = make_problem(locations=(Location(lon=-0.0, lat=1.0),) * 4)
    assert problem_hash(ints) == problem_hash(floats)


def test_matrix_decodes_with_the_lines_of_the_documentation(problem: Problem) -> None:
    """The four lines of docs/plan-format.md give each cell back."""
    (lines,) = re.findall(r"```python\n(.*?)```", PLAN_FORMAT_PAGE.read_text(encoding="utf-8"), re.DOTALL)
    matrix = json.loads(dumps(encode_problem(problem)))["matrix"]["truck"]["duration_s"]
    for origin, row in enumerate(problem.matrix.duration_s("truck").tolist()):
        for destination, seconds in enumerate(row):
            names = {"matrix": matrix, "origin": origin, "destination": destination}
            exec(lines, names)
            assert names["seconds"] == seconds


def a_plan(problem: Problem) -> Plan:
    """Return the judge's plan that serves the one visit."""
    visit = problem.visits[0].id
    order = RouteOrder(shift="early", actions=(VisitAction(visit=visit), UnloadAction(site="landfill")))
    plan = evaluate(problem, [order]).plan
    return replace(plan, solver="by hand", version="1.2", seed=7)


def test_plan_survives_its_json(problem: Problem) -> None:
    """A plan and its problem are the same after they were written as bytes and read again."""
    plan = a_plan(problem)
    again, plan_again = decode_plan(loads(dumps(encode_plan(problem, plan))))
    assert plan_again == plan
    assert equal(again, problem)


def test_plan_with_unserved_visits_survives_its_json(problem: Problem) -> None:
    """A plan without routes keeps its unserved visits, their reasons and their cost."""
    left_out = Unserved(visit=problem.visits[0].id, reason=Reason.PRIZE_BELOW_COST, detail="Not worth it.")
    plan = evaluate(problem, [], unserved=[left_out]).plan
    _, again = decode_plan(loads(dumps(encode_plan(problem, plan))))
    assert again == plan
    assert again.cost.prizes_missed_micro == 77


def test_plan_document_has_the_promised_keys(problem: Problem) -> None:
    """The plan document holds what docs/plan-format.md lists, by these names."""
    document = encode_plan(problem, a_plan(problem))
    assert list(document) == [
        "format",
        "version",
        "solver",
        "solver_version",
        "seed",
        "problem_hash",
        "cost",
        "totals",
        "routes",
        "unserved",
        "problem",
    ]
    (route,) = document["routes"]
    assert [step["kind"] for step in route["steps"]] == ["depart", "visit", "unload", "return"]
    assert route["steps"][1]["id"] == "ផ្សារចាស់"
    assert document["totals"]["collected_kg"] == 40


def test_plan_of_another_problem_is_not_written(problem: Problem, make_problem: Callable[..., Problem]) -> None:
    """A plan is never stored with a problem that it was not made for."""
    with pytest.raises(InvalidProblem, match="names the problem 'sha256:"):
        encode_plan(make_problem(currency="USD"), a_plan(problem))


def set_at(*path: str | int, to: Any) -> Callable[[Document], None]:
    """Return what puts a value at a path of a document."""

    def change(document: Document) -> None:
        parent_of(document, path)[path[-1]] = to

    return change


def drop(*path: str | int) -> Callable[[Document], None]:
    """Return what takes away what stands at a path of a document."""

    def change(document: Document) -> None:
        del parent_of(document, path)[path[-1]]

    return change


def packed(raw: bytes) -> str:
    """Return bytes as a matrix's data."""
    return base64.b64encode(zlib.compress(raw)).decode()


CELLS = ("problem", "matrix", "truck", "duration_s")
BROKEN: dict[str, tuple[Callable[[Document], None], str]] = {
    "format": (set_at("format", to="something"), "plan.format is 'something'; expected 'samram.plan'"),
    "no format": (drop("format"), "plan.format is None"),
    "version": (set_at("version", to=2), "plan.version is 2; this program reads version 1 only"),
    "version true": (set_at("version", to=True), "plan.version is True"),
    "problem's format": (set_at("problem", "format", to="x"), "plan.problem.format is 'x'"),
    "missing key": (drop("routes"), "plan lacks routes"),
    "missing deep key": (drop("problem", "visits", 0, "stream"), r"plan\.problem\.visits\[0\] lacks stream"),
    "unknown key": (
        set_at("problem", "shifts", 0, "colour", to=1),
        r"shifts\[0\] has colour, which version 1 does not",
    ),
    "text for a number": (
        set_at("routes", 0, "steps", 1, "load_kg", to="40"),
        r"plan\.routes\[0\]\.steps\[1\]\.load_kg must be a whole number, not a text",
    ),
    "fraction": (set_at("seed", to=1.5), "plan.seed must be a whole number"),
    "truth for a number": (set_at("seed", to=True), "plan.seed must be a whole number"),
    "too many bits": (set_at("seed", to=2**63), "plan.seed does not fit into 64 bits"),
    "number for a text": (set_at("solver", to=5), "plan.solver must be a text"),
    "null": (set_at("problem", "currency", to=None), "plan.problem.currency must be a text, not null"),
    "number for a truth": (
        set_at("problem", "vehicles", 0, "mixed_streams", to=1),
        r"vehicles\[0\]\.mixed_streams must be true or false",
    ),
    "object for a list": (set_at("problem", "visits", to={}), "plan.problem.visits must be a list, not an object"),
    "list for an object": (set_at("cost", to=[]), "plan.cost must be an object, not a list"),
    "double stream": (
        set_at("problem", "vehicles", 0, "streams", to=["glass", "glass"]),
        r"vehicles\[0\]\.streams lists something twice",
    ),
    "unknown kind": (
        set_at("routes", 0, "steps", 1, "kind", to="lunch"),
        r"steps\[1\]\.kind is 'lunch'; expected one of",
    ),
    "kind no text": (set_at("routes", 0, "steps", 1, "kind", to=[]), r"steps\[1\]\.kind is \[\]"),
    "no steps": (set_at("routes", 0, "steps", to=[]), "at least a departure and a return"),
    "location": (set_at("problem", "locations", 2, to=[1.0]), r"locations\[2\] must be a list of two numbers"),
    "location off the earth": (set_at("problem", "locations", 2, to=[1.0, 91]), r"locations\[2\]: \(1.0, 91.0\) is no"),
    "a value that the model refuses": (
        set_at("problem", "vehicles", 0, "capacity_kg", to=0),
        r"vehicles\[0\]: Vehicle 'truck-1': capacity_kg must be at least 1, not 0",
    ),
    "a contradiction": (
        set_at("problem", "vehicles", 0, "depot", to="moon"),
        "plan.problem: Vehicle 'truck-1' starts at",
    ),
    "no profile": (set_at("problem", "matrix", to={}), "plan.problem.matrix: A travel matrix needs at least one"),
    "matrix no object": (set_at("problem", "matrix", to=[]), "plan.problem.matrix must be an object"),
    "matrix encoding": (set_at(*CELLS, "encoding", to="raw"), "duration_s.encoding is 'raw'"),
    "matrix size": (set_at(*CELLS, "n", to=5), "duration_s.n is 5, but the problem has 4 locations"),
    "no base64": (set_at(*CELLS, "data", to="é"), "duration_s.data is no base64 text"),
    "no base64 alphabet": (set_at(*CELLS, "data", to="???"), "duration_s.data is no base64 text"),
    "no zlib": (set_at(*CELLS, "data", to="AAAA"), "duration_s.data is no zlib stream"),
    "too few cells": (set_at(*CELLS, "data", to=packed(b"\0" * 60)), "must hold 64 bytes .* and holds only 60"),
    "too many cells": (set_at(*CELLS, "data", to=packed(b"\0" * 1_000_000)), "must hold 64 bytes .* and holds more"),
    "stream cut short": (
        set_at(*CELLS, "data", to=packed(b"\0" * 64)[:-8]),
        "must end with its zlib stream|must hold 64 bytes",
    ),
    "something after it": (
        set_at(*CELLS, "data", to=base64.b64encode(zlib.compress(b"\0" * 64) + b"more").decode()),
        "cut short or followed by something",
    ),
    "negative cells": (
        set_at(*CELLS, "data", to=packed(b"\xfe\xff\xff\xff" * 16)),
        "plan.problem.matrix: duration_s of profile 'truck' holds -2",
    ),
    "hash": (set_at("problem_hash", to="sha256:0"), "plan.problem_hash names the problem 'sha256:0'"),
    "totals": (set_at("totals", "distance_m", to=1), "plan.totals.distance_m is 1, but its parts make"),
    "total cost": (set_at("cost", "total_micro", to=1), "plan.cost.total_micro is 1, but its parts make"),
    "route's totals": (set_at("routes", 0, "return_s", to=1), r"plan\.routes\[0\]\.return_s is 1, but its parts make"),
    "reason": (
        set_at("unserved", to=[{"visit": "x", "reason": "tired", "detail": ""}]),
        r"unserved\[0\]\.reason is 'tired'; expected one of unreachable",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_document_is_refused_with_its_place(problem: Problem, name: str) -> None:
    """A document with one thing wrong gives InvalidProblem with a sentence that names the place."""
    document = loads(dumps(encode_plan(problem, a_plan(problem))))
    change, sentence = BROKEN[name]
    change(document)
    with pytest.raises(InvalidProblem, match=sentence):
        decode_plan(document)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_broken_document_gives_another_error(make_problem: Callable[..., Problem], data: st.DataObject) -> None:
    """Whatever stands in the place of any value, a document is refused, or read as what it says and nothing else."""
    problem = make_problem()
    document = loads(dumps(encode_plan(problem, a_plan(problem))))
    path = data.draw(st.sampled_from(leaves(document)))
    depth = data.draw(st.integers(1, len(path)))
    odd = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
    value = data.draw(odd | st.lists(odd, max_size=2) | st.dictionaries(st.text(max_size=4), odd, max_size=2))
    set_at(*path[:depth], to=value)(document)
    with suppress(InvalidProblem):
        again, plan = decode_plan(document)
        assert encode_plan(again, plan) == document


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "no readable JSON document"),
        (b'{"a": 1', "no readable JSON document"),
        (b"\xff\xfe{}", "no readable JSON document"),
        (b"[" * 100_000, "no readable JSON document"),
        (b'{"a": NaN}', "it holds NaN, which is no number"),
        (b'{"a": -Infinity}', "it holds -Infinity"),
        (b'{"a": 1, "a": 2}', "has the key 'a' twice"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "no readable JSON document"),
        (b"[]", "must be a JSON object, not a list"),
        (b"null", "must be a JSON object, not null"),
    ],
)
def test_unreadable_bytes_are_refused(data: bytes, sentence: str) -> None:
    """Bytes that are no plain JSON object give InvalidProblem."""
    with pytest.raises(InvalidProblem, match=sentence):
        loads(data)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_what_json_cannot_hold_is_not_written(value: Any) -> None:
    """NaN, infinities and lone surrogates never reach a file."""
    with pytest.raises(InvalidProblem, match="cannot be written as JSON"):
        dumps({"value": value})


def keys_of(value: Any) -> set[str]:
    """Return all keys of a document but the names of profiles."""
    if isinstance(value, dict):
        own = set() if "truck" in value else set(value)
        return own.union(*(keys_of(inner) for inner in value.values()))
    if isinstance(value, list):
        return set().union(*(keys_of(inner) for inner in value))
    return set()


def test_every_key_and_word_is_documented(problem: Problem) -> None:
    """docs/plan-format.md names each key of a plan document, each kind of step and each reason."""
    text = PLAN_FORMAT_PAGE.read_text(encoding="utf-8")
    document = encode_plan(problem, a_plan(problem))
    document["unserved"] = [{"visit": "", "reason": "", "detail": ""}]
    for word in {*keys_of(document), *StepKind, *Reason}:
        assert f"`{word}`" in text or f'"{word}"' in text, word
