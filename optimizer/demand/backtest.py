"""Forecasts held against what came, without peeking, beside the forecasts that anybody could make.

Time is cut into blocks. For each block everything is learnt from the rows before it, and each of its events is foretold
from the rows before the moment it is asked: the event's own time less the lead. Of the event itself only its time is
used, never its litres or kg.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from optimizer.demand.clean import DAY_S, FULL, Verdict, clean
from optimizer.demand.forecast import Question, fit, forecast
from optimizer.demand.scores import area_under_curve, brier_skill, coverage, pinball

if TYPE_CHECKING:
    from optimizer.demand.exposure import Calendar
    from optimizer.demand.readings import EventTable, Floats, Longs

QUANTILES: Final = (0.1, 0.5, 0.9)
OURS: Final = "samram"
CONSTANT: Final = "constant"
MEAN: Final = "container mean"
PERSISTENCE: Final = "persistence"
METHODS: Final = (OURS, CONSTANT, MEAN, PERSISTENCE)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Foretold:
    """One method's forecasts of n events.

    Parameters
    ----------
    quantiles : float64[n, 3], at QUANTILES
    low, high : float64[n], the interval of 80 %
    overflow : float64[n], probability of being full
    """

    quantiles: Floats
    low: Floats
    high: Floats
    overflow: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Backtest:
    """The events of one kind that were foretold, and by method what was foretold.

    Parameters
    ----------
    container, time_s : int64[n]
    fill : float64[n], what came
    """

    container: Longs
    time_s: Longs
    fill: Floats
    by_method: dict[str, Foretold]

    def __len__(self) -> int:
        return len(self.fill)

    def figures(self, method: str) -> dict[str, float | None]:
        """Return the method's scores; fills in points (0 to 100). The climatology is the constant's share."""
        told = self.by_method[method]
        full = self.fill >= FULL
        losses = [100 * pinball(self.fill, told.quantiles[:, k], p) for k, p in enumerate(QUANTILES)]
        return {
            "mae": 2 * losses[1],
            "pinball": float(np.mean(losses)),
            "coverage": 100 * coverage(self.fill, told.low, told.high),
            "brier_skill": _percent(brier_skill(full, told.overflow, self.by_method[CONSTANT].overflow)),
            "auc": area_under_curve(full, told.overflow),
        }


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def backtest(
    events: EventTable,
    *,
    group: Longs,
    calendar: Calendar,
    from_s: int,
    emptyings: bool,
    lead_s: int = 0,
    refit_s: int = 7 * DAY_S,
    most_gap_s: int | None = None,
) -> Backtest | None:
    """Foretell every event of a kind from ``from_s`` on that its container had an earlier one of.

    Parameters
    ----------
    group : int64[containers]
    emptyings
        Whether to foretell the fill that emptyings find, or what readings show.
    lead_s
        How long before the event the forecast is made; 0 is just before.
    refit_s
        How often everything is learnt anew.
    most_gap_s
        Only events whose predecessor of the same kind is at most so old when it is asked.

    Returns
    -------
    None if there is no such event.

    Notes
    -----
    Of each container the first event of the kind is never asked. What a sensor says that is out of range or tilted is
    no truth to hold a forecast against, and left out.
    """
    verdict = clean(events).verdict
    believed = np.isin(verdict, (Verdict.GOOD, Verdict.SPIKE, Verdict.STUCK))
    kind = believed & (events.emptying == emptyings) & ~np.isnan(events.fill)
    of_kind = np.flatnonzero(kind)
    before = _newest_of_kind(events, of_kind, lead_s)
    asked = (events.time_s[of_kind] >= from_s) & (before >= 0)
    if most_gap_s is not None:
        asked &= events.time_s[of_kind] - lead_s - events.time_s[before] <= most_gap_s
    blocks = []
    rows_of_blocks = []
    last_s = int(events.time_s.max(initial=from_s))
    for start_s in range(from_s, last_s + 1, refit_s):
        chosen = asked & (events.time_s[of_kind] >= start_s) & (events.time_s[of_kind] < start_s + refit_s)
        # What is asked with a lead is asked before the block begins, so it is learnt from what came before that.
        if not chosen.any():
            continue
        rows_of_blocks.append(of_kind[chosen])
        blocks.append(
            _block(
                events,
                of_kind,
                of_kind[chosen],
                before[chosen],
                start_s=start_s - lead_s,
                lead_s=lead_s,
                group=group,
                calendar=calendar,
                emptyings=emptyings,
            )
        )
    if not blocks:
        return None
    rows = np.concatenate(rows_of_blocks)
    return Backtest(
        container=events.container[rows],
        time_s=events.time_s[rows],
        fill=np.clip(events.fill[rows], 0.0, FULL),
        by_method={method: _joined([block[method] for block in blocks]) for method in METHODS},
    )


def _newest_of_kind(events: EventTable, of_kind: Longs, lead_s: int) -> Longs:
    """Return for each event of the kind the newest one of its container before it is asked, or -1."""
    keys = (events.container[of_kind] << 33) + events.time_s[of_kind]
    place = np.searchsorted(keys, keys - lead_s, side="left") - 1
    same = (place >= 0) & (events.container[of_kind[place]] == events.container[of_kind])
    return np.where(same, of_kind[place], -1)


def _block(
    events: EventTable,
    of_kind: Longs,
    rows: Longs,
    before: Longs,
    *,
    start_s: int,
    lead_s: int,
    group: Longs,
    calendar: Calendar,
    emptyings: bool,
) -> dict[str, Foretold]:
    model = fit(clean(events.before(start_s)), group=group, calendar=calendar, until_s=start_s)
    target_s = events.time_s[rows]
    question = Question(container=events.container[rows], origin_s=target_s - lead_s, target_s=target_s)
    known = clean(events.before(int(question.origin_s.max())))
    answer = forecast(model, known, question)
    quantiles = [answer.fill(p) if emptyings else answer.reading(p) for p in QUANTILES]
    low, high = answer.interval() if emptyings else (quantiles[0], quantiles[2])
    overflow = answer.overflow() * (1.0 if emptyings else 1 - answer.emptied)
    ours = Foretold(quantiles=np.stack(quantiles, axis=1), low=low, high=high, overflow=overflow)
    return {OURS: ours, **_baselines(events, of_kind[events.time_s[of_kind] < start_s], rows, before)}


def _baselines(events: EventTable, past: Longs, rows: Longs, before: Longs) -> dict[str, Foretold]:
    """Return the forecasts anybody could make, each with the spread of its own misses on what is past."""
    fill = np.clip(events.fill, 0.0, FULL)
    seen, container = fill[past], events.container[past]
    count = np.bincount(container, minlength=len(events.ids))
    total = np.bincount(container, seen, minlength=len(events.ids))
    overall = float(seen.mean()) if len(seen) else 0.5
    mean = np.where(count > 0, total / np.maximum(count, 1), overall)
    follows = np.zeros(len(past), dtype=np.bool_)
    follows[1:] = container[1:] == container[:-1]
    changes = seen[follows] - seen[np.flatnonzero(follows) - 1]
    n = len(rows)
    return {
        CONSTANT: _dressed(np.zeros(n), seen),
        MEAN: _dressed(mean[events.container[rows]], seen - mean[container]),
        PERSISTENCE: _dressed(fill[before], changes),
    }


def _dressed(centre: Floats, misses: Floats) -> Foretold:
    """Return a forecast that misses as it missed before."""
    misses = np.sort(misses) if len(misses) else np.zeros(1)
    quantiles = np.stack([np.clip(centre + np.quantile(misses, p), 0.0, FULL) for p in QUANTILES], axis=1)
    overflow = 1 - np.searchsorted(misses, FULL - centre - 1e-9, side="left") / len(misses)
    return Foretold(quantiles=quantiles, low=quantiles[:, 0], high=quantiles[:, 2], overflow=overflow)


def _joined(parts: list[Foretold]) -> Foretold:
    return Foretold(
        quantiles=np.concatenate([part.quantiles for part in parts]),
        low=np.concatenate([part.low for part in parts]),
        high=np.concatenate([part.high for part in parts]),
        overflow=np.concatenate([part.overflow for part in parts]),
    )
