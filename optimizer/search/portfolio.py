"""An ordinary day over several cores: one search from several seeds, which begin each round from the best of all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from optimizer.search.stop import Share
from optimizer.search.workers import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from optimizer.problem.model import Problem
    from optimizer.problem.plan import RouteOrder
    from optimizer.search.stop import Stop
    from optimizer.search.workers import Crew

_ROUNDS: Final = (0.6, 0.6, 1.0)
"""Part of what is left that each round takes: a search needs time to cool, so the first is the longest."""


def search(
    problem: Problem,
    shifts_of: dict[str, tuple[str, ...]],
    *,
    stop: Stop,
    seed: int,
    start: Sequence[RouteOrder],
    found: Callable[[list[RouteOrder]], bool],
    crew: Crew,
    most_moved: int | None = None,
) -> None:
    """Improve a plan until told to stop, and hand what each search of each round found to ``found``.

    With a step limit, every search makes so many steps in all, and the same seed and crew give the same plan.

    Parameters
    ----------
    found
        Judges a plan, and says whether it is better than all before.
    most_moved
        As in ``solve``.
    """
    if not shifts_of:
        return
    best = tuple(start)
    limit = stop.max_steps()
    left = limit
    for number, share in enumerate(_ROUNDS):
        if stop():
            break
        stage = Share(stop, share)
        steps = None if left is None else min(left, max(1, int(left * share)))
        if steps == 0:
            break
        task = Task(
            problem=problem,
            shifts_of=shifts_of,
            start=best,
            seed=seed,
            seconds=stage.remaining_s(),
            steps=steps,
            most_moved=most_moved,
        )
        tasks = [replace(task, seed=seed + number * crew.size + own) for own in range(crew.size)]
        for orders in crew.run(tasks, stop=stop):
            if orders is not None and found(list(orders)):
                best = orders
        left = None if left is None or steps is None else left - steps
