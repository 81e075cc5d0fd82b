"""Says what is wrong with a ``plan.json``, from that file alone.

It shares no code with Samram and needs Python's standard library only: it follows ``docs/plan-format.md`` and nothing
else, so that a fault in Samram's own judge cannot hide here.

Run ``python tests/checker/plan_checker.py plan.json``: one sentence for each fault, exit status 1 if there is any.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import sys
import zlib
from array import array
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

Json = dict[str, Any]

NO_PATH = -1
REASONS = {
    "unreachable",
    "no_vehicle_may_enter",
    "larger_than_any_truck",
    "no_open_disposal_site",
    "outside_every_shift",
    "not_enough_time_or_capacity",
    "prize_below_cost",
    "dropped",
}
PAID_TERMS = ("fixed_micro", "time_micro", "overtime_micro", "distance_micro", "gate_fees_micro", "load_fuel_micro")
WISHED_TERMS = ("moved_micro", "outside_zones_micro", "balance_micro", "compactness_micro")
ROUTE_TERMS = (*PAID_TERMS, *WISHED_TERMS)
PLAN_TERMS = ("prizes_missed_micro", "required_unserved_micro", "queue_micro")
LATER_TERMS = {"load_fuel_micro", *WISHED_TERMS, "queue_micro"}
STEP_NUMBERS = (
    "node",
    "arrival_s",
    "start_s",
    "departure_s",
    "load_kg",
    "load_l",
    "leg_distance_m",
    "leg_duration_s",
)


@dataclass
class Matrix:
    """Square int32 cells, row = from."""

    n: int
    cells: array[int]

    def __call__(self, origin: int, destination: int) -> int:
        """Return one cell."""
        if not (0 <= origin < self.n and 0 <= destination < self.n):
            raise ValueError(f"node {origin} or {destination} is outside the travel matrix of {self.n}")
        return self.cells[origin * self.n + destination]


@dataclass
class SomeLegs:
    """The cells that a large day's plan needs, by (from, to)."""

    n: int
    known: dict[tuple[int, int], int]

    def __call__(self, origin: int, destination: int) -> int:
        """Return one cell."""
        if (origin, destination) not in self.known:
            raise ValueError(f"the legs lack the one from node {origin} to node {destination}")
        return self.known[origin, destination]


@dataclass
class Day:
    """The problem of a plan, indexed, and the faults found so far."""

    problem: Json
    duration_s: dict[str, Matrix | SomeLegs]
    distance_m: dict[str, Matrix | SomeLegs]
    faults: list[str]

    def __post_init__(self) -> None:
        self.visits: dict[str, Json] = {visit["id"]: visit for visit in self.problem["visits"]}
        self.sites: dict[str, Json] = {site["id"]: site for site in self.problem["disposal_sites"]}
        self.depots: dict[str, Json] = {depot["id"]: depot for depot in self.problem["depots"]}
        self.vehicles: dict[str, Json] = {vehicle["id"]: vehicle for vehicle in self.problem["vehicles"]}
        self.shifts: dict[str, Json] = {shift["id"]: shift for shift in self.problem["shifts"]}

    @property
    def vehicles_on_duty(self) -> list[Json]:
        """The vehicles that have a shift."""
        return [self.vehicles[name] for name in {shift["vehicle"]: None for shift in self.problem["shifts"]}]

    @property
    def terms(self) -> Json:
        """The prices of the optional terms, 0 where they are absent."""
        return Counter(self.problem.get("terms", {}))

    def begin(self, shift: Json) -> Json:
        """Return the status that a shift begins with, every key present."""
        depot = self.depots[self.vehicles[shift["vehicle"]]["depot"]]
        usual = {"node": depot["node"], "stop": None, "load_kg": 0, "load_l": 0, "streams": [], "driven_m": 0}
        usual |= {"stops": 0, "collected_kg": 0, "worked_s": 0, "out": False}
        return usual | (shift.get("status") or {})

    def expect(self, kept: object, sentence: str) -> None:
        """Note the sentence unless the rule is kept."""
        if not kept:
            self.faults.append(sentence)


def find_faults(document: Json) -> list[str]:
    """Return one sentence for each fault of a plan document; an empty list means that the plan is legal."""
    faults: list[str] = []
    try:
        day = _day(document, faults)
        _check_coverage(day, document)
        routes_cost = Counter(dict.fromkeys(ROUTE_TERMS, 0))
        for route in document["routes"]:
            routes_cost.update(_check_route(day, route))
        _check_cost(day, document, routes_cost)
        _check_totals(day, document)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, zlib.error) as error:
        faults.append(f"The document does not have the promised form: {type(error).__name__} {error}.")
    return faults


# --- reading ---------------------------------------------------------------------------------------------------------


def _day(document: Json, faults: list[str]) -> Day:
    problem = document["problem"]
    n = len(problem["locations"])
    duration_s: dict[str, Matrix | SomeLegs] = {}
    distance_m: dict[str, Matrix | SomeLegs] = {}
    hashed: Json = {}
    for profile, times in problem["matrix"].items():
        if "legs" in times:
            duration_s[profile], distance_m[profile] = _legs(times["legs"], n)
            hashed[profile] = {key: value for key, value in times.items() if key != "legs"}
        else:
            raw = {name: _raw_matrix(times[name]) for name in ("duration_s", "distance_m")}
            duration_s[profile], distance_m[profile] = (_matrix(cells, n) for cells in raw.values())
            hashed[profile] = {
                name: {"n": n, "sha256": hashlib.sha256(cells).hexdigest()} for name, cells in raw.items()
            }
    day = Day(problem=problem, duration_s=duration_s, distance_m=distance_m, faults=faults)
    day.expect(document["format"] == "samram.plan", f"The document calls itself {document['format']!r}.")
    day.expect(document["version"] == 1, f"The document has version {document['version']!r}, not 1.")
    text = json.dumps({**problem, "matrix": hashed}, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    digest = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    day.expect(document["problem_hash"] == digest, f"problem_hash is not the hash of the problem, {digest}.")
    return day


def _raw_matrix(packed: Json) -> bytes:
    if packed["encoding"] != "zlib+base64 int32 little-endian row-major":
        raise ValueError(f"a matrix has the encoding {packed['encoding']!r}")
    return zlib.decompress(base64.b64decode(packed["data"]))


def _matrix(raw: bytes, n: int) -> Matrix:
    cells = _numbers(raw)
    if len(cells) != n * n:
        raise ValueError(f"a matrix holds {len(cells)} cells for {n} locations")
    return Matrix(n, cells)


def _legs(packed: Json, n: int) -> tuple[SomeLegs, SomeLegs]:
    if packed["encoding"] != "zlib+base64 int32 little-endian from, to, seconds, metres":
        raise ValueError(f"legs have the encoding {packed['encoding']!r}")
    numbers = _numbers(zlib.decompress(base64.b64decode(packed["data"])))
    if len(numbers) != 4 * packed["count"]:
        raise ValueError(f"{len(numbers)} numbers stand for {packed['count']} legs")
    pairs = list(zip(numbers[0::4], numbers[1::4], strict=True))
    return SomeLegs(n, dict(zip(pairs, numbers[2::4], strict=True))), SomeLegs(
        n, dict(zip(pairs, numbers[3::4], strict=True))
    )


def _numbers(raw: bytes) -> array[int]:
    numbers = array("i")
    assert numbers.itemsize == 4
    numbers.frombytes(raw)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


# --- the whole plan ------------------------------------------------------------------------------------------------


def _check_coverage(day: Day, document: Json) -> None:
    served = Counter(step["id"] for route in document["routes"] for step in route["steps"] if step["kind"] == "visit")
    left_out = Counter(entry["visit"] for entry in document["unserved"])
    for visit in day.visits:
        times = served[visit] + left_out[visit]
        day.expect(times == 1, f"Visit {visit!r} is served or listed as unserved {times} times, not once.")
    for visit in {*served, *left_out} - day.visits.keys():
        day.expect(kept=False, sentence=f"Visit {visit!r} is not in the problem.")
    for entry in document["unserved"]:
        reason, visit = entry["reason"], entry["visit"]
        day.expect(reason in REASONS, f"Visit {visit!r} is unserved for the unknown reason {reason!r}.")
        day.expect(str(entry["detail"]).strip(), f"Visit {visit!r} is unserved without a sentence that says why.")
        if visit in day.visits:
            _check_reason(day, day.visits[visit], reason)
    driving = {route["shift"] for route in document["routes"]}
    for shift in day.problem["shifts"]:
        home = shift["id"] in driving or not day.begin(shift)["out"]
        day.expect(home, f"Shift {shift['id']!r} is out and has no route home.")
    for shift, times in Counter(route["shift"] for route in document["routes"]).items():
        day.expect(times == 1, f"Shift {shift!r} drives {times} routes.")


def _check_reason(day: Day, visit: Json, reason: str) -> None:
    """Refute a reason that the problem itself shows to be untrue; others are the search's word."""
    owner = f"Visit {visit['id']!r} is called {reason}"
    entering = [vehicle for vehicle in day.vehicles_on_duty if _may_enter(vehicle, visit)]
    taking = [
        vehicle
        for vehicle in entering
        if visit["demand_kg"] <= vehicle["capacity_kg"] and visit["demand_l"] <= _capacity_l(vehicle)
    ]
    if reason == "prize_below_cost":
        day.expect(visit["prize_micro"] is not None, f"{owner}, but it is required.")
    elif reason == "no_vehicle_may_enter":
        day.expect(not entering, f"{owner}, but {[vehicle['id'] for vehicle in entering]} may.")
    elif reason == "larger_than_any_truck":
        day.expect(not taking, f"{owner}, but {[vehicle['id'] for vehicle in taking]} can take it.")
    elif reason == "unreachable":
        reaching = [vehicle["id"] for vehicle in taking if _round_trip(day, vehicle, visit, via=None)]
        day.expect(not reaching, f"{owner}, but {reaching} can drive there and home.")
    elif reason == "no_open_disposal_site":
        sites = [s for s in day.sites.values() if s["streams"] is None or visit["stream"] in s["streams"]]
        if not any(site["windows"] for site in sites):
            able = [site["id"] for site in sites if any(_round_trip(day, v, visit, via=site) for v in taking)]
            day.expect(not able, f"{owner}, but {able} accept it and are always open.")


def _may_enter(vehicle: Json, visit: Json) -> bool:
    return (
        (visit["access"] is None or vehicle["access_class"] in visit["access"])
        and (vehicle["streams"] is None or visit["stream"] in vehicle["streams"])
        and visit["vehicle"] in (None, vehicle["id"])
    )


def _capacity_l(vehicle: Json) -> int:
    return int(vehicle["body_l"] * vehicle["compaction_permille"] // 1_000)


def _round_trip(day: Day, vehicle: Json, visit: Json, via: Json | None) -> bool:
    depot, path = day.depots[vehicle["depot"]]["node"], day.duration_s[vehicle["profile"]]
    last = [] if via is None else [via["node"]]
    begins = {day.begin(shift)["node"] for shift in day.problem["shifts"] if shift["vehicle"] == vehicle["id"]}
    ways = [[begin, node, *last, depot] for begin in begins for node in visit["kerb"]]
    return any(all(path(*leg) != NO_PATH for leg in pairwise(way)) for way in ways)


def _check_cost(day: Day, document: Json, expected: Counter[str]) -> None:
    penalty_micro = _required_penalty_micro(day)
    expected.update(dict.fromkeys(PLAN_TERMS, 0))
    expected["queue_micro"] = _queue_micro(day, document)
    for entry in document["unserved"]:
        prize_micro = day.visits[entry["visit"]]["prize_micro"]
        if prize_micro is None:
            expected["required_unserved_micro"] += penalty_micro
        else:
            expected["prizes_missed_micro"] += prize_micro
    _check_terms(day, document["cost"], expected, "The plan's cost")


def _fastest_m_per_s(day: Day, profile: str) -> float:
    times, metres = day.duration_s[profile], day.distance_m[profile]
    if isinstance(times, Matrix) and isinstance(metres, Matrix):
        return max((m / s for s, m in zip(times.cells, metres.cells, strict=True) if s > 0), default=0.0)
    return float(day.problem["matrix"][profile]["fastest_m_per_s"])


def _queue_micro(day: Day, document: Json) -> int:
    arrivals = Counter(
        (step["id"], step["arrival_s"] // 3_600)
        for route in document["routes"]
        for step in route["steps"]
        if step["kind"] == "unload"
    )
    limits = {(site, hour): day.sites[site].get("arrivals_per_hour") for site, hour in arrivals}
    excess = sum(max(0, count - limits[key]) for key, count in arrivals.items() if limits[key] is not None)
    return int(excess * day.terms["queue_micro"])


def _required_penalty_micro(day: Day) -> int:
    """Return what a required visit left out costs, by the formula of docs/plan-format.md."""
    dearest_micro = 0
    heaviest_kg = max((visit["demand_kg"] for visit in day.problem["visits"]), default=0)
    for shift in day.problem["shifts"]:
        vehicle = day.vehicles[shift["vehicle"]]
        metres_per_s = _fastest_m_per_s(day, vehicle["profile"])
        span_s = shift["end_s"] + shift["max_overtime_s"] - shift["start_s"]
        way_m = int(span_s * metres_per_s + 1)
        hours_s = span_s + day.begin(shift)["worked_s"]
        dearest_micro = max(
            dearest_micro,
            vehicle["fixed_micro"]
            + span_s * vehicle["micro_per_s"]
            + shift["max_overtime_s"] * shift["overtime_micro_per_s"]
            + way_m * vehicle["micro_per_m"]
            + heaviest_kg * way_m * vehicle.get("micro_per_t_km", 0) // 1_000_000
            + hours_s * hours_s * day.terms["balance_micro_per_h2"] // 12_960_000,
        )
    fee_micro = max((site["fee_micro_per_kg"] for site in day.problem["disposal_sites"]), default=0)
    wishes_micro = sum(day.terms[name] for name in ("moved_micro", "outside_zones_micro", "queue_micro"))
    prize_micro = max((visit["prize_micro"] or 0 for visit in day.problem["visits"]), default=0)
    return int(dearest_micro + heaviest_kg * fee_micro + prize_micro + wishes_micro + 1_000_000)


def _check_terms(day: Day, stated: Json, expected: Counter[str], owner: str) -> None:
    terms = dict.fromkeys((*ROUTE_TERMS, *PLAN_TERMS), 0) | expected
    terms["operating_micro"] = sum(expected[term] for term in PAID_TERMS)
    terms["total_micro"] = sum(expected[term] for term in (*ROUTE_TERMS, *PLAN_TERMS))
    for name in LATER_TERMS:
        if not terms[name]:
            del terms[name]
    day.expect(stated.keys() == terms.keys(), f"{owner} has the terms {sorted(stated)}.")
    for name, value in terms.items():
        day.expect(stated.get(name) == value, f"{owner}: {name} is {stated.get(name)}, recomputed {value}.")


def _check_totals(day: Day, document: Json) -> None:
    steps = [step for route in document["routes"] for step in route["steps"]]
    expected = {
        "routes": len(document["routes"]),
        "visits_served": sum(step["kind"] == "visit" for step in steps),
        "visits_unserved": len(document["unserved"]),
        "distance_m": sum(step["leg_distance_m"] for step in steps),
        "duration_s": sum(
            route["steps"][-1]["arrival_s"] - route["steps"][0]["departure_s"] for route in document["routes"]
        ),
        "collected_kg": sum(day.visits[step["id"]]["demand_kg"] for step in steps if step["kind"] == "visit")
        + sum(route["steps"][0]["load_kg"] for route in document["routes"]),
    }
    totals = document["totals"]
    for name, value in expected.items():
        day.expect(totals[name] == value, f"totals.{name} is {totals[name]}, recomputed {value}.")


# --- one route -------------------------------------------------------------------------------------------------------


def _check_route(day: Day, route: Json) -> Counter[str]:
    """Check one route and return its cost, recomputed."""
    shift = day.shifts[route["shift"]]
    vehicle = day.vehicles[shift["vehicle"]]
    owner = f"Shift {shift['id']!r}"
    steps = route["steps"]
    for number, step in enumerate(steps):
        for name in STEP_NUMBERS:
            whole = type(step[name]) is int and step[name] >= 0
            day.expect(whole, f"{owner}, step {number}: {name} is {step[name]!r}.")
    day.expect(route["vehicle"] == vehicle["id"], f"{owner} belongs to {vehicle['id']!r}, not {route['vehicle']!r}.")
    kinds = [step["kind"] for step in steps]
    day.expect(kinds[0] == "depart" and kinds[-1] == "return", f"{owner} does not depart first and return last.")
    odd = set(kinds[1:-1]) - {"visit", "unload", "break"}
    day.expect(not odd, f"{owner} has {sorted(odd)} in the middle.")
    _check_ends(day, owner, shift, vehicle, route)
    _check_legs(day, owner, shift, vehicle, steps)
    _check_times(day, owner, shift, vehicle, steps)
    _check_breaks(day, owner, shift, steps)
    _check_permissions(day, owner, shift, vehicle, steps)
    gate_fees_micro = _check_loads(day, owner, shift, vehicle, steps)
    _check_stops(day, owner, shift, steps)
    return _check_route_cost(day, owner, shift, vehicle, route, gate_fees_micro)


def _check_ends(day: Day, owner: str, shift: Json, vehicle: Json, route: Json) -> None:
    depot = day.depots[vehicle["depot"]]
    first, last = route["steps"][0], route["steps"][-1]
    begin = day.begin(shift)
    for step, node in ((first, begin["node"]), (last, depot["node"])):
        here = step["id"] == depot["id"] and step["node"] == node
        day.expect(here, f"{owner}: its {step['kind']} is not at depot {depot['id']!r}.")
        instant = step["arrival_s"] == step["start_s"] == step["departure_s"]
        day.expect(instant, f"{owner}: its {step['kind']} takes time.")
    departs_s, returns_s = first["departure_s"], last["arrival_s"]
    at_once = departs_s == shift["start_s"] or not begin["out"]
    day.expect(at_once, f"{owner} is out from {shift['start_s']} on and departs at {departs_s}.")
    day.expect(departs_s >= shift["start_s"], f"{owner} departs at {departs_s}, before its start {shift['start_s']}.")
    limit_s = shift["end_s"] + shift["max_overtime_s"]
    day.expect(returns_s <= limit_s, f"{owner} returns at {returns_s}, after its last second of overtime {limit_s}.")
    expected = {
        "departure_s": departs_s,
        "return_s": returns_s,
        "duration_s": returns_s - departs_s,
        "distance_m": sum(step["leg_distance_m"] for step in route["steps"]),
    }
    for name, value in expected.items():
        day.expect(route[name] == value, f"{owner}: {name} is {route[name]}, its steps make {value}.")


def _check_legs(day: Day, owner: str, shift: Json, vehicle: Json, steps: list[Json]) -> None:
    duration_s, distance_m = day.duration_s[vehicle["profile"]], day.distance_m[vehicle["profile"]]
    node = steps[0]["node"]
    driven_m = day.begin(shift)["driven_m"]
    day.expect(steps[0]["leg_duration_s"] == steps[0]["leg_distance_m"] == 0, f"{owner} drives before it departs.")
    for number, step in enumerate(steps[1:], start=1):
        place = f"{owner}, step {number} ({step['kind']} {step['id']!r})"
        if step["kind"] == "break":
            still = step["leg_duration_s"] == step["leg_distance_m"] == 0
            day.expect(still, f"{place} drives during a break.")
            day.expect(step["node"] == node, f"{place} is not at the node of the step before.")
            continue
        leg_s, leg_m = duration_s(node, step["node"]), distance_m(node, step["node"])
        day.expect(leg_s != NO_PATH, f"{place}: no street leads there.")
        day.expect(step["leg_duration_s"] == leg_s, f"{place}: the leg takes {step['leg_duration_s']} s, not {leg_s}.")
        day.expect(step["leg_distance_m"] == leg_m, f"{place}: the leg has {step['leg_distance_m']} m, not {leg_m}.")
        driven_m += leg_m
        node = step["node"]
    range_m = vehicle["range_m"]
    day.expect(range_m is None or driven_m <= range_m, f"{owner} drives {driven_m} m with a range of {range_m}.")


def _check_times(day: Day, owner: str, shift: Json, vehicle: Json, steps: list[Json]) -> None:
    """Check that each step leaves time for the drive, the breaks, the set-up and the service before the next."""
    stop: str | None = day.begin(shift)["stop"]
    left_s = steps[0]["departure_s"]
    breaks: list[Json] = []
    for number, step in enumerate(steps[1:], start=1):
        place = f"{owner}, step {number} ({step['kind']} {step['id']!r})"
        if step["kind"] == "break":
            breaks.append(step)
            continue
        setup_s = service_s = 0
        windows: list[Json] = []
        if step["kind"] == "visit":
            visit = day.visits[step["id"]]
            setup_s = 0 if visit["stop"] == stop else visit["setup_s"]
            service_s = visit["service_s"] + visit["lifts"] * vehicle["lift_s"]
            windows = visit["windows"]
            stop = visit["stop"]
        elif step["kind"] == "unload":
            site = day.sites[step["id"]]
            service_s, windows, stop = site["unloading_s"], site["windows"], None
        arrival_s = _drive(left_s, step["leg_duration_s"], breaks)
        day.expect(step["arrival_s"] == arrival_s, f"{place} arrives at {step['arrival_s']}, not {arrival_s}.")
        ready_s = _drive(left_s, step["leg_duration_s"] + setup_s, breaks)
        if breaks:
            ready_s = max(ready_s, breaks[-1]["departure_s"])
        day.expect(step["start_s"] >= ready_s, f"{place} starts at {step['start_s']}, before {ready_s}.")
        done_s = step["start_s"] + service_s
        day.expect(step["departure_s"] == done_s, f"{place} is over at {step['departure_s']}, not {done_s}.")
        open_now = not windows or any(w["start_s"] <= step["start_s"] <= w["end_s"] for w in windows)
        day.expect(open_now, f"{place} starts at {step['start_s']}, outside its time windows.")
        left_s, breaks = step["departure_s"], []


def _drive(left_s: int, work_s: int, breaks: list[Json]) -> int:
    """Return when ``work_s`` seconds of driving (and setting up) from ``left_s`` on are done, breaks interrupting."""
    for pause in breaks:
        if work_s <= pause["start_s"] - left_s:
            break
        work_s -= max(0, pause["start_s"] - left_s)
        left_s = pause["departure_s"]
    return left_s + work_s


def _check_breaks(day: Day, owner: str, shift: Json, steps: list[Json]) -> None:
    taken: list[int] = []
    free_s = steps[0]["departure_s"]
    for number, step in enumerate(steps):
        if step["kind"] == "break":
            place = f"{owner}, step {number} (break {step['id']!r})"
            rest = shift["breaks"][int(step["id"])]
            taken.append(int(step["id"]))
            in_time = rest["earliest_s"] <= step["start_s"] <= rest["latest_s"]
            day.expect(in_time, f"{place} starts at {step['start_s']}, outside its window.")
            day.expect(step["arrival_s"] == step["start_s"], f"{place} does not start when it arrives.")
            lasts_s = step["departure_s"] - step["start_s"]
            day.expect(lasts_s == rest["duration_s"], f"{place} lasts {lasts_s} s, not {rest['duration_s']}.")
        day.expect(step["start_s"] >= free_s, f"{owner}, step {number} starts before the step before it is over.")
        free_s = step["departure_s"]
    day.expect(taken == sorted(set(taken)), f"{owner} takes its breaks out of order or twice: {taken}.")
    for number, rest in enumerate(shift["breaks"]):
        back = steps[-1]["arrival_s"] <= rest["earliest_s"]
        late = steps[0]["departure_s"] > rest["latest_s"]
        day.expect(number in taken or back or late, f"{owner} owes break {number} and does not take it.")


def _check_permissions(day: Day, owner: str, shift: Json, vehicle: Json, steps: list[Json]) -> None:
    streams = set(day.begin(shift)["streams"])
    for number, step in enumerate(steps):
        place = f"{owner}, step {number} ({step['kind']} {step['id']!r})"
        if step["kind"] == "visit":
            visit = day.visits[step["id"]]
            access, stream = visit["access"], visit["stream"]
            day.expect(step["node"] in visit["kerb"], f"{place} stands at node {step['node']}, not at its kerb.")
            day.expect(access is None or vehicle["access_class"] in access, f"{place} may not be entered.")
            carried = vehicle["streams"] is None or stream in vehicle["streams"]
            day.expect(carried, f"{place} is {stream}, which the vehicle does not carry.")
            day.expect(visit["vehicle"] in (None, vehicle["id"]), f"{place} is locked to {visit['vehicle']!r}.")
            mixes = bool(streams) and stream not in streams and not vehicle["mixed_streams"]
            streams.add(stream)
            day.expect(not mixes, f"{place} mixes {sorted(streams)} in one trip.")
        elif step["kind"] == "unload":
            site = day.sites[step["id"]]
            day.expect(step["node"] == site["node"], f"{place} stands at node {step['node']}, not {site['node']}.")
            accepted = site["streams"] is None or streams <= set(site["streams"])
            day.expect(accepted, f"{place} does not accept {sorted(streams)}.")
            streams = set()


def _check_loads(day: Day, owner: str, shift: Json, vehicle: Json, steps: list[Json]) -> int:
    """Check the load after each step and return the gate fees."""
    capacity_l = _capacity_l(vehicle)
    begin = day.begin(shift)
    load_kg, load_l, daily_kg, fees_micro = begin["load_kg"], begin["load_l"], begin["collected_kg"], 0
    for number, step in enumerate(steps):
        place = f"{owner}, step {number} ({step['kind']} {step['id']!r})"
        if step["kind"] == "visit":
            visit = day.visits[step["id"]]
            load_kg += visit["demand_kg"]
            load_l += visit["demand_l"]
            daily_kg += visit["demand_kg"]
        elif step["kind"] == "unload":
            fees_micro += load_kg * day.sites[step["id"]]["fee_micro_per_kg"]
            load_kg = load_l = 0
        day.expect(step["load_kg"] == load_kg, f"{place} states {step['load_kg']} kg on board, not {load_kg}.")
        day.expect(step["load_l"] == load_l, f"{place} states {step['load_l']} l on board, not {load_l}.")
        if step["kind"] != "visit":
            continue
        day.expect(load_kg <= vehicle["capacity_kg"], f"{place}: {load_kg} kg exceed {vehicle['capacity_kg']}.")
        day.expect(load_l <= capacity_l, f"{place}: {load_l} l exceed {capacity_l}.")
    day.expect(load_kg == load_l == 0, f"{owner} comes home with {load_kg} kg and {load_l} l.")
    limit_kg = shift["max_daily_kg"]
    day.expect(limit_kg is None or daily_kg <= limit_kg, f"{owner} collects {daily_kg} kg with a limit of {limit_kg}.")
    return int(fees_micro)


def _check_stops(day: Day, owner: str, shift: Json, steps: list[Json]) -> None:
    stops, stop = day.begin(shift)["stops"], day.begin(shift)["stop"]
    for step in steps:
        if step["kind"] == "visit":
            stops += day.visits[step["id"]]["stop"] != stop
            stop = day.visits[step["id"]]["stop"]
        elif step["kind"] == "unload":
            stop = None
    limit = shift["max_stops"]
    day.expect(limit is None or stops <= limit, f"{owner} makes {stops} stops with a limit of {limit}.")


def _check_route_cost(
    day: Day, owner: str, shift: Json, vehicle: Json, route: Json, gate_fees_micro: int
) -> Counter[str]:
    steps = route["steps"]
    departs_s, returns_s = steps[0]["departure_s"], steps[-1]["arrival_s"]
    metres = sum(step["leg_distance_m"] for step in steps)
    begin = day.begin(shift)
    hours_s = returns_s - departs_s + begin["worked_s"]
    cost = Counter(
        {
            "fixed_micro": 0 if begin["out"] else vehicle["fixed_micro"],
            "time_micro": (returns_s - departs_s) * vehicle["micro_per_s"],
            "overtime_micro": max(0, returns_s - shift["end_s"]) * shift["overtime_micro_per_s"],
            "distance_micro": metres * vehicle["micro_per_m"],
            "gate_fees_micro": gate_fees_micro,
            "load_fuel_micro": _hauled_kg_m(steps) * vehicle.get("micro_per_t_km", 0) // 1_000_000,
            "balance_micro": hours_s * hours_s * day.terms["balance_micro_per_h2"] // 12_960_000,
            "compactness_micro": _compactness_micro(day, steps),
        }
    )
    zones = vehicle.get("zones")
    for visit in (day.visits[step["id"]] for step in steps if step["kind"] == "visit"):
        cost["moved_micro"] += day.terms["moved_micro"] * (visit.get("planned") not in (None, shift["id"]))
        away = zones is not None and visit.get("zone") is not None and visit["zone"] not in zones
        cost["outside_zones_micro"] += day.terms["outside_zones_micro"] * away
    _check_terms(day, route["cost"], cost, f"{owner}'s cost")
    return cost


def _hauled_kg_m(steps: list[Json]) -> int:
    driving = [step for step in steps if step["kind"] != "break"]
    return sum(before["load_kg"] * step["leg_distance_m"] for before, step in pairwise(driving))


def _compactness_micro(day: Day, steps: list[Json]) -> int:
    """Return the price of the squared distances of each trip's visits from their centre."""
    trips: list[list[tuple[int, int]]] = [[]]
    for step in steps:
        if step["kind"] == "visit":
            trips[-1].append(_metres(day, step["node"]))
        elif step["kind"] == "unload":
            trips.append([])
    cost_micro = 0
    for points in filter(None, trips):
        n, east, north = len(points), sum(x for x, _ in points), sum(y for _, y in points)
        square_m = (n * sum(x * x + y * y for x, y in points) - east * east - north * north) // n
        cost_micro += square_m * day.terms["compactness_micro_per_km2"] // 1_000_000
    return int(cost_micro)


def _metres(day: Day, node: int) -> tuple[int, int]:
    (lon, lat), (lon_0, lat_0) = day.problem["locations"][node], day.problem["locations"][0]
    permille = round(1_000 * math.cos(math.radians(lat_0)))
    return round((lon - lon_0) * 111_195 * permille / 1_000), round((lat - lat_0) * 111_195)


def main(arguments: list[str]) -> int:
    """Check the plan named on the command line; return 1 if it has a fault."""
    if len(arguments) != 1:
        sys.stderr.write("Name one plan.json to check.\n")
        return 2
    try:
        document = json.loads(Path(arguments[0]).read_bytes())
    except (OSError, ValueError) as error:
        sys.stdout.write(f"{arguments[0]} cannot be read: {error}\n")
        return 1
    faults = find_faults(document)
    sys.stdout.writelines(f"{sentence}\n" for sentence in faults)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
