"""Settings, the clock of the service day, and short names."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from service.cities import slug
from service.clock import local_clock
from service.settings import Settings


def test_environment_sets_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each setting is read from its variable; SAMRAM_DATA, which names test data, is none of them."""
    monkeypatch.setenv("SAMRAM_HOME", "/var/lib/town")
    monkeypatch.setenv("SAMRAM_MAX_SOLVE_S", "7")
    monkeypatch.setenv("SAMRAM_DATA", "/somewhere/else")
    settings = Settings()
    assert (settings.home, settings.max_solve_s) == (Path("/var/lib/town"), 7)
    assert settings.database == "sqlite:////var/lib/town/samram.sqlite"


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "nonsense"])
def test_database_that_runs_cannot_share_is_refused(url: str) -> None:
    """A database in memory, or no address at all, is refused with a sentence when the settings are read."""
    with pytest.raises(ValidationError, match="database_url"):
        Settings(database_url=url)


@pytest.mark.parametrize(
    ("date", "zone", "seconds", "expected"),
    [
        (dt.date(2026, 11, 22), "Asia/Phnom_Penh", 0, "2026-11-22T00:00:00+07:00"),
        (dt.date(2026, 11, 22), "Asia/Phnom_Penh", 86_399, "2026-11-22T23:59:59+07:00"),
        (dt.date(2026, 11, 22), "Asia/Phnom_Penh", 95_400, "2026-11-23T02:30:00+07:00"),
        # The clock goes forward at 02:00: an hour is missing, and 06:00 still reads 06:00.
        (dt.date(2026, 3, 29), "Europe/Berlin", 3_600, "2026-03-29T01:00:00+01:00"),
        (dt.date(2026, 3, 29), "Europe/Berlin", 21_600, "2026-03-29T06:00:00+02:00"),
        (dt.date(2026, 10, 25), "Europe/Berlin", 21_600, "2026-10-25T06:00:00+01:00"),
    ],
)
def test_clock_reads_as_in_the_city(date: dt.date, zone: str, seconds: int, expected: str) -> None:
    """Seconds of the service day read as the city's clock shows them, with the offset in force then."""
    assert local_clock(date, zone)(seconds) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Siem Reap", "siem-reap"),
        ("  São Paulo -- Centro ", "sao-paulo-centro"),
        ("A" * 100, "a" * 60),
    ],
)
def test_short_names(name: str, expected: str) -> None:
    """A name in Latin letters becomes ASCII words with hyphens."""
    assert slug(name) == expected


def test_short_name_of_another_script() -> None:
    """A name without Latin letters gets a number of its own, always the same."""
    assert re.fullmatch("city-[0-9a-f]{8}", slug("សៀមរាប"))
    assert slug("សៀមរាប") == slug("សៀមរាប")
    assert slug("សៀមរាប") != slug("ភ្នំពេញ")


@given(st.text(min_size=1).filter(lambda name: name.isprintable()))
def test_every_short_name_can_stand_in_an_address(name: str) -> None:
    """Whatever the name, the short one is what the API accepts in its paths."""
    assert re.fullmatch("[a-z0-9][a-z0-9-]{0,79}", slug(name))
