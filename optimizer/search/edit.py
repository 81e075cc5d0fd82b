"""What a person changes in a plan: move, add, drop, reorder, lock. The judge says afterwards what it is worth.

An edit says what is wanted, not whether it is wise: a truck that is overloaded by it is the judge's to report. What
cannot be done at all, such as moving a visit that nobody serves, is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from optimizer.judge.evaluate import evaluate_route
from optimizer.problem.plan import Action, Reason, RouteOrder, UnloadAction, Unserved, VisitAction
from optimizer.search.places import Places

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from optimizer.problem.model import Problem, Visit


class InvalidEdit(ValueError):
    """An edit that cannot be done; the message names what it is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """Let ``shift`` serve a visit before its visit number ``position`` (from 0); where it costs least without one."""

    visit: str
    shift: str
    position: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Add:
    """Serve a visit that is unserved; in the shift where it costs least, if none is named."""

    visit: str
    shift: str | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Leave a visit out, for a reason that is shown with it."""

    visit: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reorder:
    """Let a shift serve the visits that it serves in another order, with these unloadings between them."""

    shift: str
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """Bind a visit to the vehicle that serves it, or let it go again; later searches keep to it."""

    visit: str
    locked: bool = True


Edit: TypeAlias = Move | Add | Drop | Reorder | Lock


@dataclass(slots=True, kw_only=True)
class _Draft:
    """A plan's decisions while they are being changed."""

    problem: Problem
    routes: dict[str, tuple[Action, ...]] = field(default_factory=dict)
    unserved: dict[str, Unserved] = field(default_factory=dict)

    def visit(self, name: str) -> Visit:
        if name not in self.problem.visit_by_id:
            raise InvalidEdit(f"There is no visit {name!r} on this day.")
        return self.problem.visit_by_id[name]

    def known_shift(self, name: str) -> str:
        if name not in self.problem.shift_by_id:
            raise InvalidEdit(f"There is no shift {name!r} on this day.")
        return name

    def shift_serving(self, name: str) -> str:
        self.visit(name)
        for shift, actions in self.routes.items():
            if any(isinstance(action, VisitAction) and action.visit == name for action in actions):
                return shift
        raise InvalidEdit(f"Visit {name!r} is unserved.")

    def take_out(self, name: str) -> None:
        shift = self.shift_serving(name)
        left = (action for action in self.routes[shift] if isinstance(action, UnloadAction) or action.visit != name)
        self.routes[shift] = tuple(_without_idle_unloadings(self.problem, shift, tuple(left)))

    def put_in(self, visit: Visit, shifts: Sequence[str], position: int | None) -> None:
        """Serve a visit in the one of these shifts where the judge finds least fault, and then least cost."""
        if not visit.kerb:
            raise InvalidEdit(f"No street that a vehicle of the fleet may use leads to visit {visit.id!r}.")
        best: tuple[tuple[int, int], RouteOrder] | None = None
        for shift in shifts:
            actions = self.routes.get(shift, ())
            before = evaluate_route(self.problem, RouteOrder(shift=shift, actions=actions)) if actions else None
            for order in self._candidates(shift, visit, position):
                judged = evaluate_route(self.problem, order)
                added_micro = judged.route.cost.total_micro - (before.route.cost.total_micro if before else 0)
                key = len(judged.violations), added_micro
                if best is None or key < best[0]:
                    best = key, order
        if best is None:
            raise InvalidEdit(f"No disposal site takes the {visit.stream} of visit {visit.id!r}.")
        self.routes[best[1].shift] = best[1].actions

    def _candidates(self, shift: str, visit: Visit, position: int | None) -> Iterator[RouteOrder]:
        order = RouteOrder(shift=shift, actions=self.routes.get(shift, ()))
        if position is None:
            found = Places(self.problem, order, [visit]).best(visit)
            yield from found
            if found:
                return
        visits = [at for at, action in enumerate(order.actions) if isinstance(action, VisitAction)]
        if position is not None and position > len(visits):
            raise InvalidEdit(f"Shift {shift!r} has {len(visits)} other visits; position {position} is beyond them.")
        serve = [VisitAction(visit=visit.id, kerb=kerb) for kerb in range(len(visit.kerb))]
        if not visits:
            sites = [site.id for site in self.problem.disposal_sites if site.accepts(visit.stream)]
            for action in serve:
                for site in sites:
                    yield replace(order, actions=(action, UnloadAction(site=site), *order.actions))
            return
        at = visits[-1] + 1 if position is None or position == len(visits) else visits[position]
        for action in serve:
            yield replace(order, actions=(*order.actions[:at], action, *order.actions[at:]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """A plan's decisions after some edits; ``problem`` is another one where visits were locked or let go."""

    problem: Problem
    orders: tuple[RouteOrder, ...]
    unserved: tuple[Unserved, ...]


def edited(
    problem: Problem, orders: Sequence[RouteOrder], unserved: Sequence[Unserved], edits: Sequence[Edit]
) -> Edited:
    """Return a plan's decisions with these edits made, one after the other.

    Parameters
    ----------
    orders, unserved
        The plan's: what each shift does, and the visits left out.

    Raises
    ------
    InvalidEdit
        If one of them cannot be done, with its number from 0.
    """
    draft = _Draft(
        problem=problem,
        routes={order.shift: order.actions for order in orders},
        unserved={entry.visit: entry for entry in unserved},
    )
    for number, edit in enumerate(edits):
        try:
            _make(draft, edit)
        except InvalidEdit as error:
            raise InvalidEdit(f"Edit {number}: {error}") from error
    return Edited(
        problem=draft.problem,
        orders=tuple(RouteOrder(shift=shift, actions=actions) for shift, actions in draft.routes.items() if actions),
        unserved=tuple(draft.unserved[visit.id] for visit in problem.visits if visit.id in draft.unserved),
    )


def _make(draft: _Draft, edit: Edit) -> None:
    if isinstance(edit, Move):
        shift = draft.known_shift(edit.shift)
        draft.take_out(edit.visit)
        draft.put_in(draft.visit(edit.visit), [shift], edit.position)
    elif isinstance(edit, Add):
        visit = draft.visit(edit.visit)
        if edit.visit not in draft.unserved:
            raise InvalidEdit(f"Visit {edit.visit!r} is served by shift {draft.shift_serving(edit.visit)!r} already.")
        shifts = list(draft.problem.shift_by_id) if edit.shift is None else [draft.known_shift(edit.shift)]
        draft.put_in(visit, shifts, edit.position)
        del draft.unserved[edit.visit]
    elif isinstance(edit, Drop):
        draft.take_out(edit.visit)
        draft.unserved[edit.visit] = Unserved(visit=edit.visit, reason=Reason.DROPPED, detail=edit.reason)
    elif isinstance(edit, Reorder):
        _reorder(draft, edit)
    else:
        _lock(draft, edit)


def _reorder(draft: _Draft, edit: Reorder) -> None:
    shift = draft.known_shift(edit.shift)
    kerbs = {action.visit: action for action in draft.routes.get(shift, ()) if isinstance(action, VisitAction)}
    wanted = [action.visit for action in edit.actions if isinstance(action, VisitAction)]
    if sorted(wanted) != sorted(kerbs):
        odd = sorted(set(wanted) ^ set(kerbs)) or sorted(name for name in kerbs if wanted.count(name) > 1)
        raise InvalidEdit(
            f"The new order of shift {shift!r} must name each visit that it serves once, and no other: see {odd[0]!r}."
        )
    for action in edit.actions:
        if isinstance(action, UnloadAction) and action.site not in draft.problem.site_by_id:
            raise InvalidEdit(f"There is no disposal site {action.site!r} on this day.")
    draft.routes[shift] = tuple(
        kerbs[action.visit] if isinstance(action, VisitAction) else action for action in edit.actions
    )


def _lock(draft: _Draft, edit: Lock) -> None:
    shift = draft.shift_serving(edit.visit)
    vehicle = draft.problem.shift_by_id[shift].vehicle if edit.locked else None
    draft.problem = replace(
        draft.problem,
        visits=tuple(
            replace(visit, vehicle=vehicle) if visit.id == edit.visit else visit for visit in draft.problem.visits
        ),
    )


def _without_idle_unloadings(problem: Problem, shift: str, actions: tuple[Action, ...]) -> Iterator[Action]:
    """Yield the actions without the unloadings that find nothing to unload."""
    status = problem.shift_by_id[shift].status
    loaded = status is not None and (status.load_kg > 0 or status.load_l > 0)
    for action in actions:
        if isinstance(action, VisitAction):
            loaded = True
        elif not loaded:
            continue
        else:
            loaded = False
        yield action
