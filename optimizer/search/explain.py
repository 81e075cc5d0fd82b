"""Why a visit is unserved, and what single change to the day would serve it; every figure is proved by the judge.

For each unserved visit the judge tries it at its best places in every route, and alone in every idle shift. What stops
it there is the obstacle. Then one limit after another is loosened, by the least amount with which the judge passes that
very route; one unit less, and it does not.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from optimizer.judge.evaluate import evaluate_route
from optimizer.problem.errors import InvalidProblem
from optimizer.problem.model import PERMILLE
from optimizer.problem.plan import RouteOrder, UnloadAction, Violation, ViolationKind, VisitAction
from optimizer.search.explain_words import WHY, Obstacle, condition
from optimizer.search.places import Places
from optimizer.search.relaxation import Lever, Relaxation, another, relaxed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from optimizer.problem.model import Problem, Shift, Vehicle, Visit
    from optimizer.search.stop import Stop

_DAY_S: Final = 86_400
"""No limit of time is loosened by more than a day."""

_TRIED: Final = 3
"""Routes on which one kind of limit is loosened for a visit: those that lack least by the judge's own figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hindrance:
    """What stops the visit on the best place found in one shift: the judge's violations, none where it passes."""

    shift: str
    kinds: tuple[ViolationKind, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """One change with which the visit is served, proved by the judge.

    Parameters
    ----------
    order
        The route that then serves it; all other routes stay as they are.
    added_micro
        What that route costs more than now; what the change itself costs is not known here.
    """

    relaxation: Relaxation
    order: RouteOrder
    added_micro: int
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why one visit is unserved.

    Parameters
    ----------
    hindrances
        What stops it, shift by shift, in the problem's order; of idle shifts that are alike only the first is named.
    remedies
        Each suffices alone; the cheapest first.
    complete
        False where the time was over before all was tried.
    """

    visit: str
    obstacle: Obstacle
    sentence: str
    hindrances: tuple[Hindrance, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    complete: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Return it as texts, numbers, lists and dictionaries, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    order: RouteOrder
    violations: tuple[Violation, ...]
    added_micro: int

    @property
    def kinds(self) -> tuple[ViolationKind, ...]:
        return tuple(dict.fromkeys(violation.kind for violation in self.violations))


_Trial = tuple[int, Relaxation, _Attempt]
"""The judge's own figure, from which the search for the least amount begins; what to loosen; where."""


def explain(problem: Problem, orders: Sequence[RouteOrder], *, stop: Stop) -> tuple[Explanation, ...]:
    """Explain every visit that these orders leave out, in the problem's order.

    When ``stop`` says so, the visits not reached are returned as not tried, and what is said of the others holds.

    Parameters
    ----------
    orders
        Routes that pass the judge; ``orders_of`` gives those of a plan.
    """
    served = {action.visit for order in orders for action in order.actions if isinstance(action, VisitAction)}
    left_out = [visit for visit in problem.visits if visit.id not in served]
    if not left_out:
        return ()
    day = _Day(problem, orders, left_out, stop)
    return tuple(day.explain(visit) for visit in left_out)


class _Day:
    """The day as it is planned, and what has been tried on it."""

    def __init__(self, problem: Problem, orders: Sequence[RouteOrder], left_out: Sequence[Visit], stop: Stop) -> None:
        self._problem = problem
        self._stop = stop
        self._left_out = left_out
        driven = {order.shift: order for order in orders if order.actions}
        self._kinds: dict[tuple[Vehicle, Shift], str] = {}
        self._orders: list[RouteOrder] = []
        idle: set[tuple[Vehicle, Shift]] = set()
        for shift in problem.shifts:
            alike = _alike(problem, shift)
            self._kinds.setdefault(alike, shift.id)
            locked = any(visit.vehicle == shift.vehicle for visit in left_out)
            if shift.id in driven:
                self._orders.append(driven[shift.id])
            elif alike not in idle or locked:
                idle.add(alike)
                self._orders.append(RouteOrder(shift=shift.id, actions=()))
        self._places: dict[str, Places] = {}
        self._now_micro: dict[str, int] = {}
        self._alone: dict[tuple[str, str], _Attempt | None] = {}

    def explain(self, visit: Visit) -> Explanation:
        obstacle = self._plainly(visit)
        if obstacle is not None:
            return Explanation(visit=visit.id, obstacle=obstacle[0], sentence=obstacle[1])
        attempts: list[_Attempt] = []
        hindrances: list[Hindrance] = []
        complete = True
        for order in self._orders:
            if self._stop():
                complete = False
                break
            tried = self._try(order, visit)
            attempts += tried
            if tried:
                nearest = min(tried, key=_severity)
                hindrances.append(Hindrance(shift=order.shift, kinds=nearest.kinds))
        if not attempts:
            if complete:
                sentence = "No allowed path leads a truck here and on to a disposal site that accepts its stream."
                return Explanation(visit=visit.id, obstacle=Obstacle.NO_PATH, sentence=sentence)
            sentence = "The time was over before this visit was tried."
            return Explanation(visit=visit.id, obstacle=Obstacle.NOT_TRIED, sentence=sentence, complete=False)
        remedies = tuple(sorted(self._remedies(visit, attempts), key=_cheapest))
        kind = self._obstacle(visit, attempts, hindrances, remedies)
        return Explanation(
            visit=visit.id,
            obstacle=kind,
            sentence=self._why(visit, kind, attempts),
            hindrances=tuple(hindrances),
            remedies=remedies,
            complete=complete and not self._stop(),
        )

    def _plainly(self, visit: Visit) -> tuple[Obstacle, str] | None:
        if not visit.kerb:
            return Obstacle.NO_PATH, "No street that a vehicle of the fleet may use leads to this stop."
        if not self._problem.shifts:
            return Obstacle.NO_SHIFT, "No vehicle has a shift on this day."
        if not self._problem.disposal_sites:
            return Obstacle.NO_DISPOSAL_SITE, "There is no disposal site on this day."
        return None

    # -- trying ---------------------------------------------------------------------------------------------------

    def _try(self, order: RouteOrder, visit: Visit) -> list[_Attempt]:
        """Judge the visit at its best places in a route; none where no path leads there."""
        vehicle = self._problem.vehicle_of(self._problem.shift_by_id[order.shift])
        barred = (
            (visit.access is not None and vehicle.access_class not in visit.access)
            or not vehicle.carries(visit.stream)
            or (visit.vehicle is not None and visit.vehicle != vehicle.id)
        )
        if order.shift not in self._places:
            self._places[order.shift] = Places(self._problem, order, self._left_out)
        found = self._places[order.shift].best(visit)
        if barred:
            found = found[:1]  # nothing but the bar is asked for
        if not found:
            site = self._problem.disposal_sites[0].id
            actions = (*order.actions, VisitAction(visit=visit.id), UnloadAction(site=site))
            found = [RouteOrder(shift=order.shift, actions=actions)]
        tried = [self._judge(self._problem, candidate) for candidate in found]
        return [attempt for attempt in tried if attempt is not None]

    def _judge(self, problem: Problem, order: RouteOrder) -> _Attempt:
        evaluation = evaluate_route(problem, order)
        return _Attempt(
            order=order,
            violations=evaluation.violations,
            added_micro=evaluation.route.cost.total_micro - self._cost_now(order.shift),
        )

    def _cost_now(self, shift: str) -> int:
        if shift not in self._now_micro:
            now = next((order for order in self._orders if order.shift == shift and order.actions), None)
            self._now_micro[shift] = 0 if now is None else evaluate_route(self._problem, now).route.cost.total_micro
        return self._now_micro[shift]

    # -- loosening ------------------------------------------------------------------------------------------------

    def _remedies(self, visit: Visit, attempts: Sequence[_Attempt]) -> Iterator[Remedy]:
        passing = [attempt for attempt in attempts if not attempt.violations]
        if passing:
            cheapest = min(passing, key=lambda attempt: attempt.added_micro)
            yield self._without_loosening(visit, cheapest)
            return
        trials: dict[Lever, list[_Trial]] = {}
        for attempt in attempts:
            for guess, relaxation in _levers(self._problem, visit, attempt):
                trials.setdefault(relaxation.lever, []).append((guess, relaxation, attempt))
        for same in trials.values():
            remedy = self._least(visit, sorted(same, key=lambda trial: trial[0])[:_TRIED])
            if remedy is not None:
                yield remedy
        if visit.vehicle is None:
            yield from self._with_another_truck(visit)

    def _without_loosening(self, visit: Visit, attempt: _Attempt) -> Remedy:
        prize_micro = visit.prize_micro
        if prize_micro is None or attempt.added_micro < prize_micro:
            relaxation = Relaxation(lever=Lever.NOTHING, amount=0)
        else:
            relaxation = Relaxation(lever=Lever.PRIZE, subject=visit.id, amount=attempt.added_micro + 1 - prize_micro)
        return self._remedy(visit, relaxation, attempt)

    def _least(self, visit: Visit, trials: Sequence[_Trial]) -> Remedy | None:
        """Return the remedy with the least amount over these trials."""
        best: tuple[int, Relaxation, _Attempt] | None = None
        for guess, relaxation, attempt in trials:
            if self._stop() or (best is not None and guess >= best[0]):
                break
            excerpt = _excerpt(self._problem, attempt.order)
            known: dict[int, _Attempt] = {}
            amount = _boundary(
                partial(self._passes, excerpt, relaxation, attempt.order, known), guess, _most(excerpt, relaxation)
            )
            if amount is not None and (best is None or amount < best[0]):
                best = amount, replace(relaxation, amount=amount), known[amount]
        return None if best is None else self._remedy(visit, best[1], best[2])

    def _passes(
        self, excerpt: Problem, relaxation: Relaxation, order: RouteOrder, known: dict[int, _Attempt], amount: int
    ) -> bool:
        try:
            loosened = relaxed(excerpt, replace(relaxation, amount=amount))
        except InvalidProblem:
            return False
        known[amount] = self._judge(loosened, order)
        return not known[amount].violations

    def _with_another_truck(self, visit: Visit) -> Iterator[Remedy]:
        best: tuple[Relaxation, _Attempt] | None = None
        for name in self._kinds.values():
            if self._stop():
                break
            vehicle, shift = another(self._problem, self._problem.shift_by_id[name])
            loosened = replace(self._problem, vehicles=(vehicle,), shifts=(shift,), visits=(visit,))
            for order in Places(loosened, RouteOrder(shift=shift.id, actions=()), [visit]).best(visit):
                attempt = self._judge(loosened, order)
                if not attempt.violations and (best is None or attempt.added_micro < best[1].added_micro):
                    best = Relaxation(lever=Lever.ANOTHER_TRUCK, subject=name), attempt
        if best is not None:
            yield self._remedy(visit, *best)

    def _remedy(self, visit: Visit, relaxation: Relaxation, attempt: _Attempt) -> Remedy:
        cost = f"{attempt.added_micro / 1e6:,.2f} {self._problem.currency}"
        sentence = (
            f"{condition(self._problem, visit, relaxation, attempt.order.shift)}; the route then costs {cost} more."
        )
        return Remedy(relaxation=relaxation, order=attempt.order, added_micro=attempt.added_micro, sentence=sentence)

    # -- saying ---------------------------------------------------------------------------------------------------

    def _obstacle(
        self, visit: Visit, attempts: Sequence[_Attempt], hindrances: Sequence[Hindrance], remedies: Sequence[Remedy]
    ) -> Obstacle:
        """Name what stops the visit everywhere it may come; several things, each elsewhere, exhaust the fleet."""
        passing = [attempt.added_micro for attempt in attempts if not attempt.violations]
        if passing:
            worth_it = visit.prize_micro is None or min(passing) < visit.prize_micro
            return Obstacle.FITS if worth_it else Obstacle.PRIZE_BELOW_COST
        allowed = [found for found in hindrances if not _BARS & set(found.kinds)] or list(hindrances)
        common = [kind for kind in allowed[0].kinds if all(kind in found.kinds for found in allowed)]
        if common:
            return Obstacle(min(common, key=list(ViolationKind).index).value)
        if any(remedy.relaxation.lever is Lever.ANOTHER_TRUCK for remedy in remedies):
            return Obstacle.FLEET_EXHAUSTED
        nearest = min(attempts, key=_severity)
        return Obstacle(min(nearest.kinds, key=list(ViolationKind).index).value)

    def _why(self, visit: Visit, obstacle: Obstacle, attempts: Sequence[_Attempt]) -> str:
        if obstacle is Obstacle.FITS:
            return "It fits into the day as it is: the search ended before it found this place."
        if obstacle is Obstacle.PRIZE_BELOW_COST:
            added = min(attempt.added_micro for attempt in attempts if not attempt.violations)
            return (
                f"Serving it would add at least {added / 1e6:,.2f} {self._problem.currency} for a prize of "
                f"{(visit.prize_micro or 0) / 1e6:,.2f}."
            )
        if obstacle is Obstacle.FLEET_EXHAUSTED:
            return "Every shift that may serve it is full, each in its own way; one more truck would serve it."
        nearest = min(attempts, key=_severity)
        named = next(found for found in (*nearest.violations, *_all(attempts)) if found.kind.value == obstacle.value)
        return f"{WHY[obstacle]} Nearest: {named.message[0].lower()}{named.message[1:]}"


_BARS: Final = frozenset({ViolationKind.ACCESS, ViolationKind.STREAM, ViolationKind.LOCKED, ViolationKind.NO_PATH})


def _levers(problem: Problem, visit: Visit, attempt: _Attempt) -> Iterator[tuple[int, Relaxation]]:
    """Yield what may be loosened to let this route pass, each with a first guess of how much."""
    shift = problem.shift_by_id[attempt.order.shift]
    vehicle = problem.vehicle_of(shift)
    kinds = set(attempt.kinds)
    guess = max((violation.amount for violation in attempt.violations), default=1)
    if kinds <= _TIMES and shift.start_s:
        yield min(guess, shift.start_s), Relaxation(lever=Lever.EARLIER_START, subject=shift.id)
    if len(kinds) > 1:
        return
    kind, subject = attempt.violations[0].kind, attempt.violations[0].subject
    if kind is ViolationKind.CAPACITY_L:
        yield -(-guess * PERMILLE // vehicle.compaction_permille), Relaxation(lever=Lever.BODY_L, subject=vehicle.id)
    elif kind in _ON_SHIFT:
        yield guess, Relaxation(lever=_ON_SHIFT[kind], subject=shift.id)
    elif kind in _ON_VEHICLE:
        detail = visit.stream if kind is ViolationKind.STREAM else ""
        yield guess, Relaxation(lever=_ON_VEHICLE[kind], subject=vehicle.id, detail=detail)
    elif kind is ViolationKind.BREAK:
        yield guess, Relaxation(lever=Lever.BREAK_LATER, subject=shift.id, detail=subject)
    elif kind in _ON_SUBJECT:
        detail = {ViolationKind.ACCESS: vehicle.access_class, ViolationKind.SITE_STREAM: visit.stream}.get(kind, "")
        yield guess, Relaxation(lever=_ON_SUBJECT[kind], subject=subject, detail=detail)


_TIMES: Final = frozenset(
    {ViolationKind.OVERTIME, ViolationKind.TIME_WINDOW, ViolationKind.SITE_CLOSED, ViolationKind.BREAK}
)
_ON_SHIFT: Final = {
    ViolationKind.OVERTIME: Lever.OVERTIME,
    ViolationKind.DAILY_KG: Lever.DAILY_KG,
    ViolationKind.STOPS: Lever.STOPS,
}
_ON_VEHICLE: Final = {
    ViolationKind.CAPACITY_KG: Lever.CAPACITY_KG,
    ViolationKind.RANGE_M: Lever.RANGE_M,
    ViolationKind.STREAM: Lever.VEHICLE_STREAM,
}
_ON_SUBJECT: Final = {
    ViolationKind.TIME_WINDOW: Lever.VISIT_HOURS,
    ViolationKind.SITE_CLOSED: Lever.SITE_HOURS,
    ViolationKind.LOCKED: Lever.UNLOCK,
    ViolationKind.ACCESS: Lever.ACCESS,
    ViolationKind.SITE_STREAM: Lever.SITE_STREAM,
}


def _boundary(passes: Callable[[int], bool], guess: int, most: int) -> int | None:
    """Return an amount that passes while one less does not, up to ``most``; 0 is known not to pass."""
    low, high = 0, min(max(1, guess), most)
    if not passes(high):
        if high == most or not passes(most):
            return None
        low, high = high, 2 * high
        while high < most and not passes(high):
            low, high = high, 2 * high
        high = min(high, most)
    elif high > 1 and not passes(high - 1):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if passes(middle):
            high = middle
        else:
            low = middle
    return high


def _most(problem: Problem, relaxation: Relaxation) -> int:
    """Return the largest amount worth asking for."""
    match relaxation.lever:
        case Lever.EARLIER_START:
            return problem.shift_by_id[relaxation.subject].start_s
        case Lever.OVERTIME | Lever.SITE_HOURS | Lever.VISIT_HOURS | Lever.BREAK_LATER:
            return _DAY_S
        case Lever.CAPACITY_KG | Lever.DAILY_KG:
            return max(1, sum(visit.demand_kg for visit in problem.visits))
        case Lever.BODY_L:
            return max(1, sum(visit.demand_l for visit in problem.visits))
        case Lever.STOPS:
            return max(1, len(problem.visits))
        case Lever.RANGE_M:
            return 1 << 30
        case _:
            return 1


def _excerpt(problem: Problem, order: RouteOrder) -> Problem:
    """Return the part of the day that one route is judged by: its visits, and all shifts of its vehicle."""
    vehicle = problem.shift_by_id[order.shift].vehicle
    return replace(
        problem,
        shifts=tuple(shift for shift in problem.shifts if shift.vehicle == vehicle),
        visits=tuple(problem.visit_by_id[action.visit] for action in order.actions if isinstance(action, VisitAction)),
    )


def _alike(problem: Problem, shift: Shift) -> tuple[Vehicle, Shift]:
    """Return what is equal for shifts that differ in nothing but their names."""
    return replace(problem.vehicle_of(shift), id="any"), replace(shift, id="any", vehicle="any")


def _all(attempts: Sequence[_Attempt]) -> Iterator[Violation]:
    for attempt in attempts:
        yield from attempt.violations


def _severity(attempt: _Attempt) -> tuple[int, int, int]:
    """Order attempts from the one that lacks least: bars weigh most, then limits, then amounts."""
    kinds = set(attempt.kinds)
    return len(kinds & _BARS), len(kinds), sum(violation.amount for violation in attempt.violations)


def _cheapest(remedy: Remedy) -> tuple[int, str]:
    return remedy.added_micro, remedy.relaxation.lever.value
