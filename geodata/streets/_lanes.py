"""Sixteen costs at once: what a pass over the hierarchy does to each arc, in the processor's own vectors.

Loops over sixteen lanes are unrolled before they could be turned into vector instructions, which costs a factor of
four. So these few steps are given to the compiler as vectors from the start.
"""

from __future__ import annotations

from typing import Any, Final

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic as _untyped_intrinsic

LANES: Final = 16  # two lines of cache for each state, and the best of 4 to 64 where it was measured
INFINITE: Final = 1 << 62

# What it makes are functions of compiled code, without the first parameter that they are written with.
intrinsic: Any = _untyped_intrinsic

_HALF: Final = 8
_I32: Final = ir.IntType(32)
_I64: Final = ir.IntType(64)
_ALL: Final = ir.VectorType(_I64, LANES)
_EIGHT: Final = ir.VectorType(_I64, _HALF)


def _data(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    return context.make_array(kind)(context, builder, value).data


def _at(builder: Any, data: Any, index: Any, vector: Any) -> Any:
    return builder.bitcast(builder.gep(data, [index]), vector.as_pointer())


def _row(builder: Any, data: Any, state: Any) -> Any:
    return _at(builder, data, builder.mul(state, ir.Constant(_I64, LANES)), _ALL)


def _everywhere(builder: Any, value: Any) -> Any:
    nothing = ir.Constant(_ALL, ir.Undefined)
    first = builder.insert_element(nothing, value, ir.Constant(_I32, 0))
    return builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(_I32, LANES), [0] * LANES))


def _smaller(builder: Any, one: Any, other: Any) -> Any:
    return builder.select(builder.icmp_signed("<", one, other), one, other)


@intrinsic  # type: ignore[untyped-decorator]  # numba has no types
def climb_arc(_typing: Any, cost: Any, tail: Any, head: Any, arc_cost: Any) -> Any:
    """Lower the costs of state ``head`` to those of ``tail`` plus the arc's: cost int64[states * LANES]."""
    signature = types.void(cost, types.int64, types.int64, types.int64)
    del tail, head, arc_cost

    def generate(context: Any, builder: Any, kinds: Any, values: Any) -> Any:
        data = _data(context, builder, kinds.args[0], values[0])
        through = builder.add(builder.load(_row(builder, data, values[1]), align=8), _everywhere(builder, values[3]))
        place = _row(builder, data, values[2])
        builder.store(_smaller(builder, through, builder.load(place, align=8)), place, align=8)
        return context.get_dummy_value()

    return signature, generate


@intrinsic  # type: ignore[untyped-decorator]  # numba has no types
def descend(_typing: Any, cost: Any, tail: Any, arc_cost: Any, begin: Any, end: Any, state: Any, climbed: Any) -> Any:
    """Set the costs of a state to the least over the arcs ``begin`` to ``end``, and its own if it was climbed to."""
    signature = types.void(cost, tail, arc_cost, types.int64, types.int64, types.int64, types.boolean)
    del begin, end, state, climbed

    def generate(context: Any, builder: Any, kinds: Any, values: Any) -> Any:
        data, tails, costs = (_data(context, builder, kinds.args[at], values[at]) for at in range(3))
        place = _row(builder, data, values[5])
        own = builder.load(place, align=8)
        none = ir.Constant(_ALL, [INFINITE] * LANES)
        is_climbed = builder.icmp_unsigned("!=", values[6], ir.Constant(values[6].type, 0))
        first = builder.select(is_climbed, own, none)
        before = builder.block
        check, body, done = (builder.append_basic_block(name) for name in ("check", "body", "done"))
        builder.branch(check)
        builder.position_at_end(check)
        arc, best = builder.phi(_I64), builder.phi(_ALL)
        arc.add_incoming(values[3], before)
        best.add_incoming(first, before)
        builder.cbranch(builder.icmp_signed("<", arc, values[4]), body, done)
        builder.position_at_end(body)
        from_state = builder.sext(builder.load(builder.gep(tails, [arc])), _I64)
        weight = _everywhere(builder, builder.load(builder.gep(costs, [arc])))
        through = builder.add(builder.load(_row(builder, data, from_state), align=8), weight)
        arc.add_incoming(builder.add(arc, ir.Constant(_I64, 1)), body)
        best.add_incoming(_smaller(builder, through, best), body)
        builder.branch(check)
        builder.position_at_end(done)
        builder.store(best, place, align=8)
        return context.get_dummy_value()

    return signature, generate


@intrinsic  # type: ignore[untyped-decorator]  # numba has no types
def turn_eight(_typing: Any, cost: Any, state: Any, first: Any, by_lane: Any, stride: Any) -> Any:
    """Write the costs of eight states, ``state[first]`` and after, into columns of ``by_lane``, a row for each lane."""
    signature = types.void(cost, state, types.int64, by_lane, types.int64)
    del first, stride

    def generate(context: Any, builder: Any, kinds: Any, values: Any) -> Any:
        data, states, out = (_data(context, builder, kinds.args[at], values[at]) for at in (0, 1, 3))
        for half in range(0, LANES, _HALF):
            rows = []
            for i in range(_HALF):
                index = builder.add(values[2], ir.Constant(_I64, i))
                base = builder.mul(builder.load(builder.gep(states, [index])), ir.Constant(_I64, LANES))
                place = _at(builder, data, builder.add(base, ir.Constant(_I64, half)), _EIGHT)
                rows.append(builder.load(place, align=8))
            for lane, row in enumerate(_transposed(builder, rows)):
                line = builder.mul(values[4], ir.Constant(_I64, half + lane))
                builder.store(row, _at(builder, out, builder.add(line, values[2]), _EIGHT), align=8)
        return context.get_dummy_value()

    return signature, generate


def _transposed(builder: Any, rows: list[Any]) -> list[Any]:
    """Exchange rows and columns of eight vectors of eight, in three steps of exchanges between two rows."""
    kind = ir.VectorType(_I32, _HALF)
    for step in (1, 2, 4):
        turned = list(rows)
        for i in range(_HALF):
            if i & step:
                continue
            one, other = rows[i], rows[i + step]
            low = [at if not at & step else _HALF + at - step for at in range(_HALF)]
            high = [at + step if not at & step else _HALF + at for at in range(_HALF)]
            turned[i] = builder.shuffle_vector(one, other, ir.Constant(kind, low))
            turned[i + step] = builder.shuffle_vector(one, other, ir.Constant(kind, high))
        rows = turned
    return rows
