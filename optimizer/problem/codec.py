"""Problem and Plan to and from versioned JSON documents; ``docs/plan-format.md`` describes every field.

Field names are those of the dataclasses. A document is read strictly: an unknown key, a missing one, a value of another
type or a total that contradicts its parts is refused with a sentence that says where: nobody acts on half a plan.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import zlib
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import StrEnum
from functools import cache
from itertools import pairwise, product
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

import numpy as np

from optimizer.problem.errors import InvalidProblem
from optimizer.problem.legs import KnownLegs, Legs
from optimizer.problem.matrix import TravelMatrix, raw
from optimizer.problem.model import MAY_LACK, Depot, DisposalSite, Location, Problem, Shift, Terms, Vehicle, Visit
from optimizer.problem.plan import Cost, Plan, Route, Step, StepKind, Unserved

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from optimizer.problem.matrix import TravelTimes

PROBLEM_FORMAT: Final = "samram.problem"
PLAN_FORMAT: Final = "samram.plan"
VERSION: Final = 1
MATRIX_ENCODING: Final = "zlib+base64 int32 little-endian row-major"
LEGS_ENCODING: Final = "zlib+base64 int32 little-endian from, to, seconds, metres"

_COMPRESSION_LEVEL: Final = 1
"""Travel times look like noise to zlib: higher levels take several times longer and save a few per cent."""

_INT64_MAX: Final = 2**63 - 1
_PARTS: Final[tuple[tuple[str, type], ...]] = (
    ("depots", Depot),
    ("disposal_sites", DisposalSite),
    ("vehicles", Vehicle),
    ("shifts", Shift),
    ("visits", Visit),
)

_Reader: TypeAlias = Callable[[Any, str], Any]
_T = TypeVar("_T")


# --- bytes ---------------------------------------------------------------------------------------------------------


def dumps(document: Mapping[str, Any]) -> bytes:
    """Return a document as UTF-8 JSON.

    Raises
    ------
    InvalidProblem
        If it holds NaN, an infinity, or text that is no Unicode (a lone surrogate).
    """
    try:
        return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except ValueError as error:
        raise InvalidProblem(f"This document cannot be written as JSON: {error}.") from error


def loads(data: bytes) -> dict[str, Any]:
    """Read a JSON document.

    Raises
    ------
    InvalidProblem
        If the bytes are no UTF-8 JSON object, name one key twice, or hold NaN or an infinity.
    """
    try:
        document = json.loads(data, parse_constant=_refuse_constant, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError) as error:  # JSONDecodeError, UnicodeDecodeError, InvalidProblem are ValueErrors
        raise InvalidProblem(f"This is no readable JSON document: {error}") from error
    if not isinstance(document, dict):
        raise InvalidProblem(f"A document must be a JSON object, not {_kind(document)}.")
    return document


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidProblem(f"it holds {name}, which is no number.")


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        double = next(key for key in keys if keys.count(key) > 1)
        raise InvalidProblem(f"an object has the key {double!r} twice.")
    return found


# --- problem -------------------------------------------------------------------------------------------------------


def encode_problem(problem: Problem, plan: Plan | None = None) -> dict[str, Any]:
    """Return the ``samram.problem`` document: plain dicts, lists, numbers and text, ready for any JSON writer.

    The travel times of a large day, which no one has in full, are stored as far as ``plan`` needs them to be judged.
    """
    travel = problem.matrix
    if isinstance(travel, TravelMatrix):
        return _problem_document(problem, {profile: _squares(travel, profile) for profile in travel.profiles})
    kept = _legs_to_keep(problem, plan)
    return _problem_document(problem, {profile: _some_legs(travel, profile, kept[profile]) for profile in kept})


def problem_hash(problem: Problem) -> str:
    """Return ``"sha256:..."``, the same for equal problems whatever the machine, Python or zlib.

    It is taken over the problem document as JSON with sorted keys, no spaces and ASCII escapes, in which each matrix
    stands as ``{"n": n, "sha256": digest of its raw int32 little-endian row-major bytes}``: compressed bytes differ
    between zlib builds, the cells do not. For times that are no squares their ``fingerprint`` stands there.
    """
    document = _problem_document(
        problem, {profile: problem.matrix.fingerprint(profile) for profile in problem.matrix.profiles}
    )
    canonical = json.dumps(document, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(canonical.encode("ascii")).hexdigest()


def decode_problem(document: Mapping[str, Any]) -> Problem:
    """Return the Problem of a ``samram.problem`` document.

    Raises
    ------
    InvalidProblem
        If the document is not one, or the problem in it contradicts itself; the message says where.
    """
    return _problem(document, "problem")


def _problem_document(problem: Problem, matrix: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "format": PROBLEM_FORMAT,
        "version": VERSION,
        "service_date": problem.service_date,
        "currency": problem.currency,
        **({} if problem.terms == Terms() else {"terms": _plain(problem.terms)}),
        "matrix": matrix,
        # Adding 0.0 turns an int into a float and -0.0 into 0.0: equal places, equal text, equal hash.
        "locations": [[place.lon + 0.0, place.lat + 0.0] for place in problem.locations],
        **{name: _plain(getattr(problem, name)) for name, _ in _PARTS},
        **({} if problem.required_micro is None else {"required_micro": problem.required_micro}),
    }


def _problem(document: Any, path: str) -> Problem:
    keys = {"format", "version", "service_date", "currency", "matrix", "locations", *(name for name, _ in _PARTS)}
    _check_format(document, PROBLEM_FORMAT, path)
    _check_keys(document, keys, path, {"terms", "required_micro"})
    locations = _listed(document["locations"], f"{path}.locations", _location)
    parts = {name: _listed(document[name], f"{path}.{name}", _reader(kind)) for name, kind in _PARTS}
    matrix = _times(document["matrix"], f"{path}.matrix", len(locations))
    date = _reader(str | None)(document["service_date"], f"{path}.service_date")
    currency = _reader(str)(document["currency"], f"{path}.currency")
    parts["terms"] = _reader(Terms)(document.get("terms", {}), f"{path}.terms")
    penalty = _reader(int | None)(document.get("required_micro"), f"{path}.required_micro")
    days = {"service_date": date, "currency": currency, "required_micro": penalty}
    return _made(Problem, path, matrix=matrix, locations=locations, **days, **parts)


def _location(value: Any, path: str) -> Location:
    if not isinstance(value, list) or len(value) != 2 or not all(type(x) in (int, float) for x in value):  # noqa: PLR2004 - a pair
        raise InvalidProblem(f"{path} must be a list of two numbers, [longitude, latitude].")
    return _made(Location, path, lon=float(value[0]), lat=float(value[1]))


# --- travel times --------------------------------------------------------------------------------------------------


def _squares(travel: TravelMatrix, profile: str) -> dict[str, Any]:
    return {
        name: {"encoding": MATRIX_ENCODING, "n": travel.n, "data": _packed(cells)}
        for name, cells in (("duration_s", travel.duration_s(profile)), ("distance_m", travel.distance_m(profile)))
    }


def _some_legs(travel: TravelTimes, profile: str, legs: set[tuple[int, int]]) -> dict[str, Any]:
    pairs = np.array(sorted(legs), dtype=np.int32).reshape(-1, 2)
    table = np.column_stack((pairs, *travel.legs(profile, pairs[:, 0], pairs[:, 1])))
    packed = {"encoding": LEGS_ENCODING, "count": len(pairs), "data": _packed(table)}
    return {**travel.fingerprint(profile), "legs": packed}


def _legs_to_keep(problem: Problem, plan: Plan | None) -> dict[str, set[tuple[int, int]]]:
    """Return the legs that a reader needs to judge a plan, by profile.

    They are those that it drives and, so that the reasons of what is left out can be checked, those between the visits
    left out, the depots and the disposal sites.
    """
    hubs = {depot.node for depot in problem.depots} | {site.node for site in problem.disposal_sites}
    left_out = {node for entry in plan.unserved for node in problem.visit_by_id[entry.visit].kerb} if plan else set()
    around = {*product(hubs, hubs), *product(hubs, left_out), *product(left_out, hubs)}
    kept = {profile: set(around) for profile in problem.matrix.profiles}
    for route in plan.routes if plan else ():
        nodes = [step.node for step in route.steps if step.kind is not StepKind.BREAK]
        kept[problem.vehicle_by_id[route.vehicle].profile].update(pairwise(nodes))
    return kept


def _packed(cells: NDArray[np.int32]) -> str:
    packed = zlib.compress(raw(cells), _COMPRESSION_LEVEL)
    return base64.b64encode(packed).decode("ascii")


def _times(value: Any, path: str, n: int) -> TravelTimes:
    if not isinstance(value, dict):
        raise InvalidProblem(f"{path} must be an object with one entry for each vehicle profile, not {_kind(value)}.")
    if any(isinstance(entry, dict) and "legs" in entry for entry in value.values()):
        legs = {profile: _legs(entry, f"{path}.{profile}", n) for profile, entry in value.items()}
        return _made(KnownLegs, path, n=n, legs=legs)
    found: dict[str, dict[str, NDArray[np.int32]]] = {"duration_s": {}, "distance_m": {}}
    for profile, pair in value.items():
        _check_keys(pair, set(found), f"{path}.{profile}")
        for name, by_profile in found.items():
            by_profile[profile] = _square(pair[name], f"{path}.{profile}.{name}", n)
    return _made(TravelMatrix, path, **found)


def _square(value: Any, path: str, n: int) -> NDArray[np.int32]:
    _check_keys(value, {"encoding", "n", "data"}, path)
    _check_encoding(value["encoding"], MATRIX_ENCODING, path)
    _check_places(value["n"], path, n)
    return _unpacked(value["data"], path, (n, n))


def _legs(value: Any, path: str, n: int) -> Legs:
    _check_keys(value, {"n", "sha256", "fastest_m_per_s", "legs"}, path)
    _check_places(value["n"], path, n)
    fastest, legs = value["fastest_m_per_s"], value["legs"]
    if type(fastest) is not float:
        raise InvalidProblem(f"{path}.fastest_m_per_s must be a number with a fraction, not {_kind(fastest)}.")
    _check_keys(legs, {"encoding", "count", "data"}, f"{path}.legs")
    _check_encoding(legs["encoding"], LEGS_ENCODING, f"{path}.legs")
    count = _reader(int)(legs["count"], f"{path}.legs.count")
    if not 0 <= count <= n * n:
        raise InvalidProblem(f"{path}.legs.count is {count}; {n} places have 0 to {n * n} legs.")
    table = _unpacked(legs["data"], f"{path}.legs", (count, 4))
    return Legs(
        origin=table[:, 0],
        destination=table[:, 1],
        duration_s=table[:, 2],
        distance_m=table[:, 3],
        fastest_m_per_s=fastest,
        fingerprint={
            "n": n,
            "sha256": _reader(str)(value["sha256"], f"{path}.sha256"),
            "fastest_m_per_s": fastest,
        },
    )


def _check_encoding(found: Any, wanted: str, path: str) -> None:
    if found != wanted:
        raise InvalidProblem(f"{path}.encoding is {found!r}; this version reads {wanted!r} only.")


def _check_places(found: Any, path: str, n: int) -> None:
    if type(found) is not int or found != n:
        raise InvalidProblem(f"{path}.n is {found!r}, but the problem has {n} locations.")


def _unpacked(data: Any, path: str, shape: tuple[int, int]) -> NDArray[np.int32]:
    text = _reader(str)(data, f"{path}.data")
    size = 4 * shape[0] * shape[1]
    try:
        unzip = zlib.decompressobj()
        # One byte more than needed shows what is too long without unpacking all of it, however large it would grow.
        plain = unzip.decompress(base64.b64decode(text.encode("ascii"), validate=True), size + 1)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise InvalidProblem(f"{path}.data is no base64 text: {error}.") from error
    except zlib.error as error:
        raise InvalidProblem(f"{path}.data is no zlib stream: {error}.") from error
    if len(plain) != size:
        amount = "more" if len(plain) > size else f"only {len(plain)}"
        raise InvalidProblem(f"{path}.data must hold {size} bytes ({shape[0]} x {shape[1]} int32) and holds {amount}.")
    if not unzip.eof or unzip.unused_data:
        raise InvalidProblem(f"{path}.data must end with its zlib stream; it is cut short or followed by something.")
    return np.frombuffer(plain, dtype="<i4").astype(np.int32).reshape(shape)


# --- plan ----------------------------------------------------------------------------------------------------------


def encode_plan(problem: Problem, plan: Plan) -> dict[str, Any]:
    """Return the ``samram.plan`` document, which carries the Problem, so that the plan can be judged from it alone.

    Raises
    ------
    InvalidProblem
        If the plan was made for another problem (``plan.problem_hash``).
    """
    _check_hash(plan.problem_hash, problem, "This plan")
    return {**encode_answer(plan), "problem": encode_problem(problem, plan)}


def encode_answer(plan: Plan) -> dict[str, Any]:
    """Return the ``samram.plan`` document without its last key, the problem."""
    return {
        "format": PLAN_FORMAT,
        "version": VERSION,
        "solver": plan.solver,
        "solver_version": plan.version,
        "seed": plan.seed,
        "problem_hash": plan.problem_hash,
        "cost": _cost_document(plan.cost),
        "totals": _totals(plan),
        "routes": [
            {**_plain(route), **_route_totals(route), "cost": _cost_document(route.cost)} for route in plan.routes
        ],
        "unserved": _plain(plan.unserved),
    }


def decode_plan(document: Mapping[str, Any]) -> tuple[Problem, Plan]:
    """Return the Problem and the Plan of a ``samram.plan`` document.

    Raises
    ------
    InvalidProblem
        If the document is not one, its totals are not the sums of its parts, or its hash is not its problem's.
        Whether the plan keeps the problem's constraints is the judge's to say.
    """
    _check_format(document, PLAN_FORMAT, "plan")
    keys = {"solver", "solver_version", "seed", "problem_hash", "cost", "totals", "routes", "unserved", "problem"}
    _check_keys(document, {"format", "version", *keys}, "plan")
    problem = _problem(document["problem"], "plan.problem")
    text, whole = _reader(str), _reader(int)
    plan = Plan(
        routes=_listed(document["routes"], "plan.routes", _route),
        unserved=_listed(document["unserved"], "plan.unserved", _reader(Unserved)),
        cost=_cost(document["cost"], "plan.cost"),
        problem_hash=text(document["problem_hash"], "plan.problem_hash"),
        solver=text(document["solver"], "plan.solver"),
        version=text(document["solver_version"], "plan.solver_version"),
        seed=whole(document["seed"], "plan.seed"),
    )
    _check_derived(document["totals"], _totals(plan), "plan.totals")
    _check_hash(plan.problem_hash, problem, "plan.problem_hash")
    _check_legs(problem, plan)
    return problem, plan


def _totals(plan: Plan) -> dict[str, int]:
    return {
        "routes": len(plan.routes),
        "visits_served": sum(step.kind is StepKind.VISIT for route in plan.routes for step in route.steps),
        "visits_unserved": len(plan.unserved),
        "distance_m": plan.distance_m,
        "duration_s": plan.duration_s,
        "collected_kg": plan.collected_kg,
    }


def _route_totals(route: Route) -> dict[str, int]:
    return {name: getattr(route, name) for name in ("departure_s", "return_s", "distance_m", "duration_s")}


def _route(value: Any, path: str) -> Route:
    _check_keys(
        value, {"shift", "vehicle", "departure_s", "return_s", "distance_m", "duration_s", "steps", "cost"}, path
    )
    if not isinstance(value["steps"], list) or len(value["steps"]) < 2:  # noqa: PLR2004 - departure and return
        raise InvalidProblem(f"{path}.steps must list at least a departure and a return.")
    text = _reader(str)
    route = Route(
        shift=text(value["shift"], f"{path}.shift"),
        vehicle=text(value["vehicle"], f"{path}.vehicle"),
        steps=_listed(value["steps"], f"{path}.steps", _reader(Step)),
        cost=_cost(value["cost"], f"{path}.cost"),
    )
    derived = _route_totals(route)
    _check_derived({name: value[name] for name in derived}, derived, path)
    return route


def _cost_document(cost: Cost) -> dict[str, int]:
    return {**_plain(cost), "operating_micro": cost.operating_micro, "total_micro": cost.total_micro}


def _cost(value: Any, path: str) -> Cost:
    terms = {term.name for term in fields(Cost)}
    later = {term.name for term in fields(Cost) if term.metadata == MAY_LACK}
    _check_keys(value, (terms - later) | {"operating_micro", "total_micro"}, path, later)
    cost: Cost = _reader(Cost)({name: value[name] for name in terms & value.keys()}, path)
    derived = _cost_document(cost)
    _check_derived({name: value[name] for name in derived}, derived, path)
    return cost


# --- dataclasses, both ways ----------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    kind: Any = type(value)
    if kind in _AS_THEY_ARE:  # most values of a large day: asked first
        return value
    if kind is tuple:
        return [_plain(item) for item in value]
    if kind is frozenset:
        return sorted(value)
    if issubclass(kind, StrEnum):
        return value.value
    return {
        name: _plain(content)
        for name, default, may_lack in _fields_of(kind)
        if (content := getattr(value, name)) != default or not may_lack
    }


_AS_THEY_ARE: Final = frozenset({int, str, bool, float, type(None)})


@cache
def _fields_of(kind: Any) -> tuple[tuple[str, Any, bool], ...]:
    """Return name and default of each field of a dataclass, and whether it is left out where it has its default."""
    return tuple((item.name, item.default, item.metadata == MAY_LACK) for item in fields(kind))


@cache
def _reader(hint: Any) -> _Reader:
    """Return what reads a JSON value as the type of a dataclass's field, or refuses it with its path."""
    arguments = get_args(hint)
    if isinstance(hint, UnionType):
        (kind,) = (argument for argument in arguments if argument is not NoneType)
        inner = _reader(kind)
        return lambda value, path: None if value is None else inner(value, path)
    if get_origin(hint) is tuple:
        item = _reader(arguments[0])
        return lambda value, path: _listed(value, path, item)
    if get_origin(hint) is frozenset:
        return _set_reader(_reader(arguments[0]))
    if is_dataclass(hint):
        return _dataclass_reader(hint)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _enum_reader(hint)
    return _scalar_reader(hint)


def _set_reader(item: _Reader) -> _Reader:
    def read(value: Any, path: str) -> frozenset[Any]:
        members = _listed(value, path, item)
        found = frozenset(members)
        if len(found) != len(members):
            raise InvalidProblem(f"{path} lists something twice.")
        return found

    return read


def _dataclass_reader(kind: Any) -> _Reader:
    hints = get_type_hints(kind)
    readers = {item.name: _reader(hints[item.name]) for item in fields(kind) if item.init}
    later = {item.name for item in fields(kind) if item.metadata == MAY_LACK}

    def read(value: Any, path: str) -> Any:
        _check_keys(value, readers.keys() - later, path, later)
        found = {name: reader(value[name], f"{path}.{name}") for name, reader in readers.items() if name in value}
        return _made(kind, path, **found)

    return read


def _enum_reader(kind: type[StrEnum]) -> _Reader:
    known = {member.value: member for member in kind}

    def read(value: Any, path: str) -> StrEnum:
        if not isinstance(value, str) or value not in known:
            raise InvalidProblem(f"{path} is {value!r}; expected one of {', '.join(known)}.")
        return known[value]

    return read


def _scalar_reader(kind: type) -> _Reader:
    named = {int: "a whole number", str: "a text", bool: "true or false"}[kind]

    def read(value: Any, path: str) -> Any:
        if type(value) is not kind:
            raise InvalidProblem(f"{path} must be {named}, not {_kind(value)}.")
        if isinstance(value, int) and abs(value) > _INT64_MAX:
            raise InvalidProblem(f"{path} does not fit into 64 bits.")
        return value

    return read


def _listed(value: Any, path: str, item: _Reader) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise InvalidProblem(f"{path} must be a list, not {_kind(value)}.")
    return tuple(item(one, f"{path}[{index}]") for index, one in enumerate(value))


def _made(kind: Callable[..., _T], path: str, /, **values: Any) -> _T:
    try:
        return kind(**values)
    except InvalidProblem as error:
        raise InvalidProblem(f"{path}: {error}") from error


# --- what a document must keep ---------------------------------------------------------------------------------------


def _check_format(document: Any, wanted: str, path: str) -> None:
    if not isinstance(document, dict):
        raise InvalidProblem(f"{path} must be an object, not {_kind(document)}.")
    if document.get("format") != wanted:
        raise InvalidProblem(f"{path}.format is {document.get('format')!r}; expected {wanted!r}.")
    if type(document.get("version")) is not int or document["version"] != VERSION:
        raise InvalidProblem(
            f"{path}.version is {document.get('version')!r}; this program reads version {VERSION} only."
        )


def _check_keys(value: Any, wanted: Any, path: str, allowed: Any = frozenset()) -> None:
    if not isinstance(value, dict):
        raise InvalidProblem(f"{path} must be an object, not {_kind(value)}.")
    if missing := sorted(wanted - value.keys()):
        raise InvalidProblem(f"{path} lacks {', '.join(missing)}.")
    if unknown := sorted(str(key) for key in value.keys() - wanted - allowed):
        raise InvalidProblem(f"{path} has {', '.join(unknown)}, which version {VERSION} does not know.")


def _check_derived(found: Any, derived: Mapping[str, int], path: str) -> None:
    _check_keys(found, derived.keys(), path)
    for name, value in derived.items():
        if type(found[name]) is not int or found[name] != value:
            raise InvalidProblem(f"{path}.{name} is {found[name]!r}, but its parts make {value}.")


def _check_hash(claimed: str, problem: Problem, where: str) -> None:
    actual = problem_hash(problem)
    if claimed != actual:
        raise InvalidProblem(f"{where} names the problem {claimed!r}, but the problem at hand is {actual!r}.")


def _check_legs(problem: Problem, plan: Plan) -> None:
    """Refuse a plan whose legs are not all in its document; what else is wrong with it is the judge's business."""
    for number, route in enumerate(plan.routes):
        vehicle = problem.vehicle_by_id.get(route.vehicle)
        nodes = [step.node for step in route.steps if step.kind is not StepKind.BREAK]
        if vehicle is None or not isinstance(problem.matrix, KnownLegs):
            continue
        try:
            problem.matrix.legs(vehicle.profile, nodes[:-1], nodes[1:])
        except InvalidProblem as error:
            raise InvalidProblem(f"plan.routes[{number}]: {error}") from error


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "a list",
        dict: "an object",
    }
    return f"{names.get(type(value), type(value).__name__)} ({str(value)[:40]!r})"
