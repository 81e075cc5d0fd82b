"""Bar charts as SVG, for reports: labels and figures are text in the picture, and the same data stand in a table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeGuard
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH: Final = 640
_ROW: Final = 24
_LABEL: Final = 190
_VALUE: Final = 90
_TOP: Final = 34
_BAR: Final = "#2b6777"
_MUTED: Final = "#c8d8dc"
_LINE: Final = "#b3541e"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A bar with its words; ``low`` and ``high`` are the ends of its interval where one is drawn."""

    label: str
    value: float
    text: str
    low: float | None = None
    high: float | None = None
    strong: bool = True


def bar_chart(title: str, bars: Sequence[Bar]) -> str:
    """Draw bars from zero to the right, one below the other; all values are at least 0.

    Raises
    ------
    ValueError
        If a value is below 0 or none.
    """
    for bar in bars:
        if not 0 <= bar.value < math.inf:
            raise ValueError(f"The bar {bar.label!r} has the value {bar.value}; expected at least 0.")
    longest = max([1e-9, *(bar.value for bar in bars), *(bar.high for bar in bars if _is_finite(bar.high))])
    room = _WIDTH - _LABEL - _VALUE
    height = _TOP + _ROW * len(bars) + 8
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        f'role="img" aria-label={quoteattr(title)} font-family="Noto Sans, DejaVu Sans, sans-serif" font-size="12">'
    )
    parts = [
        head,
        f"<title>{escape(title)}</title>",
        f'<text x="0" y="16" font-size="14" font-weight="bold">{escape(title)}</text>',
    ]
    for number, bar in enumerate(bars):
        y = _TOP + number * _ROW
        width = room * bar.value / longest
        parts.append(f'<text x="{_LABEL - 8}" y="{y + 14}" text-anchor="end">{escape(_short(bar.label))}</text>')
        parts.append(
            f'<rect x="{_LABEL}" y="{y + 3}" width="{width:.1f}" height="{_ROW - 8}" '
            f'fill="{_BAR if bar.strong else _MUTED}"/>'
        )
        end = width
        if _is_finite(bar.low) and _is_finite(bar.high):
            low, high = room * max(0.0, bar.low) / longest, room * bar.high / longest
            middle = y + _ROW / 2 - 1
            parts.append(
                f'<path d="M{_LABEL + low:.1f} {middle}H{_LABEL + high:.1f}M{_LABEL + low:.1f} {middle - 4}v8'
                f'M{_LABEL + high:.1f} {middle - 4}v8" stroke="{_LINE}" stroke-width="1.5" fill="none"/>'
            )
            end = max(end, high)
        parts.append(f'<text x="{_LABEL + end + 10:.1f}" y="{y + 14}">{escape(bar.text)}</text>')
    return "".join([*parts, "</svg>"])


def _is_finite(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _short(label: str) -> str:
    return label if len(label) <= 28 else label[:27] + "…"  # noqa: PLR2004 - what fits left of the bars
