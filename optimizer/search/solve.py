"""Plan a day: the door to every engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final

from optimizer.judge.evaluate import Evaluation, RouteEvaluation, evaluate, evaluate_route
from optimizer.problem.codec import problem_hash
from optimizer.problem.errors import InvalidProblem
from optimizer.problem.plan import Plan, Reason, RouteOrder, StepKind, Unserved, VisitAction
from optimizer.search import districts, portfolio
from optimizer.search.construct import construct
from optimizer.search.feasible import homeward, options
from optimizer.search.insertion import cheapest_insertion, choose_sites, shorten
from optimizer.search.queues import ease_queues
from optimizer.search.stop import AnyOf, Deadline, Share, StepLimit
from optimizer.search.workers import Alone, Workers

if TYPE_CHECKING:
    from optimizer.problem.model import Problem, Shift
    from optimizer.search.stop import Stop
    from optimizer.search.workers import Crew

SOLVER: Final = "ruin-recreate, recombine, ortools-routing"

_FIRST_SHARE: Final = 0.1
"""Part of the engines' time, at most, for the first plan."""

_OWN_SHARE: Final = 0.9
"""Part of the engines' time for ruin and recreate; guided local search looks over its result in what is left."""

_SMALL: Final = 300
"""Visits up to which guided local search still finds something in ruin and recreate's result."""

_ENGINE_SHARE: Final = 0.93
"""Part of the time for the engines; what is left fits in what they left out, and says why the rest stays out."""

_WORTH_S: Final = 10.0
"""Seconds below which one process does it: two need 1 to 3 s to load, and a day of 311 visits was dearer for them after
5 s (418 against 399, both on one busy core)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Improvement:
    """A better plan was found: when, at what cost, and with how many visits left out."""

    elapsed_s: float
    cost_micro: int
    unserved: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The best plan that passes the judge, and how its cost fell over time."""

    plan: Plan
    curve: tuple[Improvement, ...]


OnImprovement = Callable[[Improvement, Plan], None]


def solve(
    problem: Problem,
    *,
    stop: Stop,
    seed: int = 0,
    start: Sequence[RouteOrder] | None = None,
    on_improvement: OnImprovement | None = None,
    workers: int = 1,
    most_moved: int | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Result:
    """Search for the cheapest plan until ``stop``, and return the best one that passes the judge.

    An impossible day is an answer: what cannot be served is unserved with its reason.

    Parameters
    ----------
    stop
        With a step limit instead of a deadline, the same seed gives the same plan.
    start
        A plan's decisions; the result is never worse. Ignored if the judge does not pass it.
    on_improvement
        Called with each better plan as it comes; what it raises ends the search.
    workers
        With more than one, so many processes search at a time, unless the search is over before they have loaded; a
        large day is searched in districts either way.
    most_moved
        Visits that may be served by another shift than they are planned for; more only where a required visit would
        stay out otherwise, and on a day so large that it is searched in districts, where their price alone holds them.
    clock
        Measures ``Improvement.elapsed_s``.

    Raises
    ------
    InvalidProblem
        If a crew is out that cannot come home: then no plan passes (``repair.py`` builds no such day).
    SolverError
        If the solver library fails.
    """
    with _crew(workers, stop) as crew:  # first of all: they load while the day is looked at
        large = districts.is_large(problem)
        book = _Book(problem, on_improvement, clock, stop, most_moved=None if large else most_moved)
        book.judge(())
        if start is not None:
            book.judge(start)
        shifts_of = book.shifts_of()
        engines = Share(stop, _ENGINE_SHARE)
        if large:
            districts.search(
                problem,
                shifts_of,
                stop=engines,
                seed=seed,
                start=book.orders,
                found=book.judge,
                judged=book.judge_route,
                crew=crew,
                clock=clock,
            )
        else:
            _search_whole(book, shifts_of, stop=engines, seed=seed, crew=crew)
    if problem.terms.queue_micro:
        book.judge(ease_queues(problem, book.orders, stop=stop))
    _fit_in(book, shifts_of, stop=stop)
    plan = replace(book.best.plan, solver=SOLVER, version=_version(), seed=seed)
    return Result(plan=plan, curve=tuple(book.curve))


def _crew(workers: int, stop: Stop) -> AbstractContextManager[Crew]:
    return nullcontext(Alone()) if workers == 1 or stop.remaining_s() < _WORTH_S else Workers(workers)


def _search_whole(book: _Book, shifts_of: dict[str, tuple[str, ...]], *, stop: Stop, seed: int, crew: Crew) -> None:
    """Search an ordinary day with one engine after the other."""
    from optimizer.search.engines import (  # noqa: PLC0415 - solver libraries load when one is needed
        ortools_routing,
        ruin_recreate,
    )

    problem = book.problem
    small = len(shifts_of) <= _SMALL and ortools_routing.states(problem)
    own = Share(stop, _OWN_SHARE) if small else stop
    same: dict[str, Any] = {"seed": seed, "found": book.judge, "most_moved": book.most_moved}
    if crew.size == 1:
        ruin_recreate.search(problem, shifts_of, stop=own, start=book.orders, **same)
    else:
        # A complete plan at once, while the other processes load: they hand theirs in at the ends of rounds.
        share = AnyOf(Share(own, _FIRST_SHARE), Deadline(_WORTH_S, time.monotonic))
        first = share if own.max_steps() is None else AnyOf(own, StepLimit(1))
        ruin_recreate.search(
            problem, shifts_of, stop=first, start=book.orders, recombining=False, until_complete=True, **same
        )
        portfolio.search(problem, shifts_of, stop=own, start=book.orders, crew=crew, **same)
    if not book.orders:  # more streams than the engine tells apart
        book.judge(construct(problem, shifts_of, stop=Share(stop, _FIRST_SHARE)))
    if small:
        ortools_routing.search(problem, shifts_of, stop=stop, seed=seed, start=book.orders, found=book.judge)


def warm() -> None:
    """Compile the search's loops, or fetch them from disk: half a minute once on each machine, then half a second.

    For callers with a deadline, before its clock starts; ``solve`` compiles by itself otherwise.
    """
    from optimizer.search.engines import ortools_routing, ruin_recreate  # noqa: PLC0415 - as in solve

    assert ortools_routing  # loading the library takes 0.2 s
    ruin_recreate.warm()


class _Book:
    """Keeps the best plan that the judge has passed."""

    def __init__(
        self,
        problem: Problem,
        on_improvement: OnImprovement | None,
        clock: Callable[[], float],
        stop: Stop,
        *,
        most_moved: int | None,
    ) -> None:
        self.problem = problem
        self.most_moved = most_moved
        self.curve: list[Improvement] = []
        self.orders: tuple[RouteOrder, ...] = ()
        self.best: Evaluation
        self.reasons: dict[str, Unserved] = {}
        self._clock = clock
        self._begin_s = clock()
        self._options = districts.carriers(problem) if districts.is_large(problem) else options(problem, stop=stop)
        self._hash = problem_hash(problem)
        self._known_routes: dict[RouteOrder, RouteEvaluation] = {}
        self._on_improvement = on_improvement
        self.reasons |= {entry.visit: entry for entry in self._options.hopeless}
        self._home = [_homeward(problem, shift) for shift in problem.shifts if shift.out]

    def shifts_of(self) -> dict[str, tuple[str, ...]]:
        """Return the shifts that may serve each visit, those of the start included."""
        shifts = dict(self._options.shifts)
        for order in self.orders:
            for action in order.actions:
                if isinstance(action, VisitAction) and order.shift not in shifts.get(action.visit, ()):
                    shifts[action.visit] = (*shifts.get(action.visit, ()), order.shift)
        return shifts

    def judge(self, orders: Sequence[RouteOrder]) -> bool:
        """Keep these orders if they pass and cost less than the best so far; say whether they did."""
        passing = self._with_homeward(orders)
        evaluation = self._evaluate(passing)
        if evaluation.violations:
            passing = [shorten(self.problem, choose_sites(self.problem, order)) for order in passing]
            passing = self._with_homeward(passing)
            evaluation = self._evaluate(passing)
        if evaluation.violations:
            return False
        if hasattr(self, "best") and self._rank(evaluation.plan) >= self._rank(self.best.plan):
            return False
        self.best = evaluation
        self.orders = tuple(passing)
        self.curve.append(
            Improvement(
                elapsed_s=self._clock() - self._begin_s,
                cost_micro=evaluation.plan.cost.total_micro,
                unserved=len(evaluation.plan.unserved),
            )
        )
        if self._on_improvement is not None:
            self._on_improvement(self.curve[-1], evaluation.plan)
        return True

    def judge_route(self, order: RouteOrder) -> RouteEvaluation:
        """Judge one route, and know it when a plan with it is judged next."""
        if order not in self._known_routes:
            self._known_routes[order] = evaluate_route(self.problem, order)
        return self._known_routes[order]

    def _rank(self, plan: Plan) -> tuple[int, int, int]:
        """Return what the better of two plans has less of; without a limit of moves that is its cost alone."""
        cost_micro = plan.cost.total_micro
        if self.most_moved is None:
            return 0, 0, cost_micro
        lacking = sum(self.problem.visit_by_id[entry.visit].required for entry in plan.unserved)
        return lacking, max(0, len(moved(self.problem, plan)) - self.most_moved), cost_micro

    def _with_homeward(self, orders: Sequence[RouteOrder]) -> list[RouteOrder]:
        """Return the orders that have actions, and the way home of each crew that is out and has none."""
        driving = [order for order in orders if order.actions]
        busy = {order.shift for order in driving}
        return driving + [order for order in self._home if order.shift not in busy]

    def explain(self, reasons: dict[str, Unserved]) -> None:
        """Put better reasons into the best plan."""
        self.reasons |= reasons
        self.best = self._evaluate(self.orders)

    def _evaluate(self, orders: Sequence[RouteOrder]) -> Evaluation:
        return evaluate(
            self.problem,
            orders,
            unserved=self._unserved(orders),
            known_hash=self._hash,
            known_routes=self._known_routes,
        )

    def _unserved(self, orders: Sequence[RouteOrder]) -> list[Unserved]:
        served = {action.visit for order in orders for action in order.actions if isinstance(action, VisitAction)}
        return [
            self.reasons.get(visit.id)
            or Unserved(
                visit=visit.id,
                reason=Reason.NOT_ENOUGH_TIME_OR_CAPACITY,
                detail="The search ended before it found room for this visit.",
            )
            for visit in self.problem.visits
            if visit.id not in served
        ]


def _fit_in(book: _Book, shifts_of: dict[str, tuple[str, ...]], *, stop: Stop) -> None:
    """Fit visits left out into the best plan where the judge finds room, heavy ones first; note why others stay out."""
    if stop():  # of 10,000 visits nearly all may be left out yet: to put them in order takes long enough to be noticed
        return
    reasons: dict[str, Unserved] = {}
    left_out = [book.problem.visit_by_id[entry.visit] for entry in book.best.plan.unserved if entry.visit in shifts_of]
    left_out.sort(key=lambda visit: (not visit.required, -(visit.prize_micro or 0), -visit.demand_kg, visit.id))
    for visit in left_out:
        if stop():
            break
        if districts.is_large(book.problem) and (alone := options(replace(book.problem, visits=(visit,)))).hopeless:
            reasons[visit.id] = alone.hopeless[0]
            continue
        insertion = cheapest_insertion(book.problem, book.orders, visit, shifts_of[visit.id], stop=stop)
        if insertion is None:
            reasons[visit.id] = Unserved(
                visit=visit.id,
                reason=Reason.NOT_ENOUGH_TIME_OR_CAPACITY,
                detail="No place in any route that may serve it has enough time or capacity left.",
            )
        elif visit.prize_micro is not None and insertion.added_micro >= visit.prize_micro:
            reasons[visit.id] = Unserved(
                visit=visit.id,
                reason=Reason.PRIZE_BELOW_COST,
                detail=f"Serving it would add at least {insertion.added_micro / 1e6:.2f} {book.problem.currency} "
                f"for a prize of {visit.prize_micro / 1e6:.2f}.",
            )
        else:
            others = [order for order in book.orders if order.shift != insertion.order.shift]
            book.judge([*others, insertion.order])
    if reasons:
        book.explain(reasons)


def moved(problem: Problem, plan: Plan) -> tuple[str, ...]:
    """Return the visits that are served by another shift than the problem has them planned for."""
    return tuple(
        step.id
        for route in plan.routes
        for step in route.steps
        if step.kind is StepKind.VISIT and problem.visit_by_id[step.id].planned not in (None, route.shift)
    )


def _homeward(problem: Problem, shift: Shift) -> RouteOrder:
    order = homeward(problem, shift)
    if order is None:
        raise InvalidProblem(
            f"The crew of shift {shift.id!r} is out, and no way home from index {problem.begin_node(shift)} that "
            f"brings its load away ends by {shift.latest_return_s} s."
        )
    return order


def _version() -> str:
    try:
        return f"samram {version('samram')}, ortools {version('ortools')}"
    except PackageNotFoundError:
        return "unknown"
