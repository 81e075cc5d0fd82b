"""Turn restrictions: relations of OpenStreetMap become turns, and chains of streets, that a truck must not drive.

The relations are those of the OpenStreetMap wiki, "Relation:restriction": ``no_*`` and ``only_*``, over a node or
over ways, for all vehicles or for heavy ones, with exceptions and hours. A relation that cannot be placed on the
streets is dropped, and said so: a wrong ban sends trucks on detours as surely as a missing one sends them astray.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from geodata.errors import Finding
from geodata.streets.conditions import Held, conditional_values, held

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from geodata.streets.conditions import Hours
    from geodata.streets.osm import OsmExtract, Restriction
    from geodata.streets.profile import TruckProfile

# A chain over via ways longer than this is a mistake in the map.
_LONGEST_VIA: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRules:
    """What restrictions forbid.

    Attributes
    ----------
    pairs
        for each profile the (segment, next segment) that must not be driven.
    chains
        for each profile sequences of three or more segments that must not be driven in a row.
    kept
        how many relations bind at least one profile.
    dropped
        relations that could not be placed, each with its reason.
    """

    pairs: tuple[frozenset[tuple[int, int]], ...]
    chains: tuple[tuple[tuple[int, ...], ...], ...]
    kept: int
    dropped: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Streets:
    """Directed segments as restrictions see them: the extract's nodes at both ends, and the way's OpenStreetMap id."""

    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    reverse: NDArray[np.int32]
    way_id: NDArray[np.int64]


class _Cannot(Exception):
    """Why a relation cannot be placed on the streets."""


def turn_rules(
    extract: OsmExtract, streets: Streets, profiles: Sequence[TruckProfile], hours: Hours | None
) -> TurnRules:
    """Place an extract's restrictions on the segments."""
    finder = _Finder(extract, streets)
    pairs: list[set[tuple[int, int]]] = [set() for _ in profiles]
    chains: list[set[tuple[int, ...]]] = [set() for _ in profiles]
    dropped: list[Finding] = []
    kept = 0
    for relation in extract.restrictions:
        notes: list[str] = []
        kinds = [_kind(relation.tags, profile, hours, notes) for profile in profiles]
        dropped += [_finding(extract, relation, note) for note in dict.fromkeys(notes)]
        bound = False
        for kind in {kind for kind in kinds if kind is not None}:
            try:
                found = finder.forbidden(relation, kind)
            except _Cannot as reason:
                dropped.append(_finding(extract, relation, f"is dropped: {reason}"))
                continue
            for index in (index for index, other in enumerate(kinds) if other == kind):
                pairs[index].update((chain[0], chain[1]) for chain in found if len(chain) == 2)  # noqa: PLR2004
                chains[index].update(chain for chain in found if len(chain) > 2)  # noqa: PLR2004
            bound = True
        kept += bound
    return TurnRules(
        pairs=tuple(frozenset(found) for found in pairs),
        chains=tuple(tuple(sorted(found)) for found in chains),
        kept=kept,
        dropped=tuple(dropped),
    )


def _finding(extract: OsmExtract, relation: Restriction, message: str) -> Finding:
    said = ", ".join(f"{key}={value}" for key, value in sorted(relation.tags.items()) if key.startswith("restriction"))
    return Finding(file=extract.source, message=f"turn restriction {relation.osm_id} {message}", value=said or None)


def _kind(tags: Mapping[str, str], profile: TruckProfile, hours: Hours | None, notes: list[str]) -> str | None:
    """Say which restriction (``no_left_turn`` and so on) binds a profile, or None."""
    names = ("hgv",) if profile.heavy else ("goods",) if not _is_small(profile) else ()
    if profile.on_foot:
        return tags.get("restriction:foot")
    whom = tags.get("type", "").partition(":")[2]
    if whom and whom not in {*names, "motor_vehicle", "vehicle", "conditional"}:
        return None
    if {part.strip() for part in tags.get("except", "").split(";")} & {*names, "motor_vehicle", "vehicle"}:
        return None
    for suffix in (*(f":{name}" for name in names), ":motor_vehicle", ":vehicle", ""):
        key = f"restriction{suffix}"
        if (value := _holding(tags.get(f"{key}:conditional", ""), profile, hours, notes)) is not None:
            return value
        if key in tags:
            if any(old in tags for old in ("day_on", "day_off", "hour_on", "hour_off")):
                notes.append("has hours in an outdated form, and is taken to hold always")
            return tags[key]
    return None


def _holding(conditional: str, profile: TruckProfile, hours: Hours | None, notes: list[str]) -> str | None:
    for value, condition in conditional_values(conditional):
        how = held(condition, profile, hours) if condition else None
        if how is None:
            notes.append("has a condition that cannot be understood, and is taken to hold always")
        if how is not Held.NEVER:
            return value
    return None


def _is_small(profile: TruckProfile) -> bool:
    return profile.access_class == "three_wheeler"


class _Finder:
    """Finds segments by their way and an end."""

    def __init__(self, extract: OsmExtract, streets: Streets) -> None:
        self._streets = streets
        # An extract has far more nodes than restrictions: each is looked up among the ascending ids.
        via = np.array([node for relation in extract.restrictions for node in relation.via_nodes], dtype=np.int64)
        index = np.searchsorted(extract.node_id, via)
        there = np.isin(via, extract.node_id)
        self._node_index: dict[int, int] = dict(zip(via[there].tolist(), index[there].tolist(), strict=True))
        named = {
            way
            for relation in extract.restrictions
            for way in (*relation.from_ways, *relation.via_ways, *relation.to_ways)
        }
        self._of_way: defaultdict[int, list[int]] = defaultdict(list)
        self._leaving: defaultdict[int, list[int]] = defaultdict(list)
        if named:
            for segment, way in enumerate(streets.way_id.tolist()):
                if way in named:
                    self._of_way[way].append(segment)
            for segment, node in enumerate(streets.tail.tolist()):
                self._leaving[node].append(segment)

    def forbidden(self, relation: Restriction, kind: str) -> set[tuple[int, ...]]:
        """List the chains of segments that a relation forbids.

        Raises
        ------
        _Cannot
            It cannot be placed.
        """
        if not kind.startswith(("no_", "only_")):
            raise _Cannot(f"the restriction {kind!r} is not known")
        if not relation.from_ways or not relation.to_ways:
            raise _Cannot("it lacks a way to come from or to go to")
        if bool(relation.via_nodes) == bool(relation.via_ways) or len(relation.via_nodes) > 1:
            raise _Cannot("it needs one node or some ways in between")
        allowed = self._via_node(relation, kind) if relation.via_nodes else self._via_ways(relation)
        if not allowed:
            raise _Cannot("its ways do not meet on streets that a truck may use")
        if kind.startswith("no_"):
            return set(allowed)
        # "Only": whoever has come along the chain so far must go on along it, or along another one that is allowed.
        forbidden: set[tuple[int, ...]] = set()
        for chain in allowed:
            for position in range(1, len(chain)):
                done = chain[:position]
                onward = {other[position] for other in allowed if other[:position] == done and len(other) > position}
                # At the end of the first street only a chain over a node binds; before the via way all is open.
                if position == 1 and relation.via_ways:
                    continue
                node = int(self._streets.head[done[-1]])
                back = int(self._streets.reverse[done[-1]])
                forbidden.update(
                    (*done, other) for other in self._leaving[node] if other not in onward and other != back
                )
        return forbidden

    def _via_node(self, relation: Restriction, kind: str) -> list[tuple[int, ...]]:
        node = self._node_index.get(relation.via_nodes[0])
        if node is None:
            raise _Cannot("the extract lacks its node")
        coming = self._at(relation.from_ways, node, self._streets.head)
        going = self._at(relation.to_ways, node, self._streets.tail)
        many_from = kind == "no_entry" and len(relation.from_ways) > 1
        many_to = kind == "no_exit" and len(relation.to_ways) > 1
        if not coming or not going:
            return []
        if (len(coming) > 1 and not many_from) or (len(going) > 1 and not many_to):
            raise _Cannot("a way goes on past its node, so that it is not clear which turn is meant")
        turns = [(one, other) for one in coming for other in going]
        if kind != "no_u_turn":
            # No restriction but this one means turning round in the street one came by.
            turns = [(one, other) for one, other in turns if self._streets.reverse[one] != other]
        return list(turns)

    def _via_ways(self, relation: Restriction) -> list[tuple[int, ...]]:
        via = [segment for way in dict.fromkeys(relation.via_ways) for segment in self._of_way[way]]
        from_node: defaultdict[int, list[int]] = defaultdict(list)
        for segment in via:
            from_node[int(self._streets.tail[segment])].append(segment)
        coming = [
            segment
            for way in relation.from_ways
            for segment in self._of_way[way]
            if from_node.get(int(self._streets.head[segment]))
        ]
        going: defaultdict[int, list[int]] = defaultdict(list)
        for way in relation.to_ways:
            for segment in self._of_way[way]:
                going[int(self._streets.tail[segment])].append(segment)
        chains: list[tuple[int, ...]] = []
        for first in coming:
            stack: list[tuple[int, ...]] = [(first,)]
            while stack:
                chain = stack.pop()
                node = int(self._streets.head[chain[-1]])
                if len(chain) > 1:
                    chains += [(*chain, last) for last in going[node] if last != self._streets.reverse[chain[-1]]]
                if len(chain) > _LONGEST_VIA:
                    raise _Cannot("its ways in between are too long")
                seen = {int(self._streets.tail[segment]) for segment in chain}
                stack += [
                    (*chain, following)
                    for following in from_node[node]
                    if following not in chain
                    and following != self._streets.reverse[chain[-1]]
                    and int(self._streets.head[following]) not in seen - {int(self._streets.tail[first])}
                ]
        # All ways in between must be driven, or the chain is a short cut past them.
        covered = set(relation.via_ways)
        way_id = self._streets.way_id
        return [chain for chain in chains if {int(way_id[segment]) for segment in chain[1:-1]} == covered]

    def _at(self, ways: Iterable[int], node: int, end: NDArray[np.int32]) -> list[int]:
        return [segment for way in ways for segment in self._of_way[way] if int(end[segment]) == node]
