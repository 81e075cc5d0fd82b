"""The one kind of error that reading a city's files raises.

``DataError`` (ValueError)
    one thing that is wrong, with the place where it stands;
``CityDatasetError`` (DataError)
    everything that is wrong with one city dataset, listed at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, or doubtful, in a file of a city dataset.

    ``row`` counts lines as an editor does, the header being line 1; ``value`` is what stood there, unchanged.
    """

    file: str
    message: str
    row: int | None = None
    column: str | None = None
    value: str | None = None
    expected: str | None = None

    def __str__(self) -> str:
        place = self.file
        if self.row is not None:
            place += f", row {self.row}"
        if self.column is not None:
            place += f", column {self.column}"
        text = f"{place}: {self.message}"
        if self.value is not None:
            text += f" (found {self.value!r})"
        if self.expected is not None:
            text += f"; expected {self.expected}"
        return text


class DataError(ValueError):
    """A file cannot be used; says which, where in it, and what was expected."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


class CityDatasetError(DataError):
    """A city dataset with errors; ``findings`` lists every one of them."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        if not findings:
            raise ValueError("CityDatasetError needs at least one finding.")
        super().__init__(findings[0])
        self.findings = tuple(findings)

    def __str__(self) -> str:
        return "\n".join(str(finding) for finding in self.findings)
