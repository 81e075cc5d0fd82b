"""How failures slow the next attempt down."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, select

from service.auth.throttle import FREE_FAILURES, FREE_FROM_ADDRESS, LONGEST_DELAY_S, Throttle, delay_s
from service.db.engine import make_engine, upgrade
from service.db.people import SignInFailureRow
from service.problems import TooManyAttempts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Engine

NOW = dt.datetime(2026, 11, 22, 5, tzinfo=dt.UTC)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Make an empty database."""
    engine = make_engine(f"sqlite:///{tmp_path / 'test.sqlite'}")
    upgrade(engine)
    yield engine
    engine.dispose()


@given(st.integers(0, 10_000))
def test_delay_grows_and_ends(failures: int) -> None:
    """Up to the bound there is no delay, then it never shrinks with another failure, and is never for good."""
    assert (delay_s(failures, FREE_FAILURES) == 0) == (failures < FREE_FAILURES)
    assert delay_s(failures, FREE_FAILURES) <= delay_s(failures + 1, FREE_FAILURES) <= LONGEST_DELAY_S


def test_each_further_failure_doubles_the_wait(engine: Engine) -> None:
    """After the tenth failure one waits 1 s, then 2, 4 ...; an attempt in between is refused and not counted."""
    throttle, now = Throttle(engine), NOW
    for _ in range(FREE_FAILURES):
        throttle.attempt("chief", "a", now)
    for wait_s in (1, 2, 4, 8):
        with pytest.raises(TooManyAttempts, match=f"in {wait_s} s"):
            throttle.attempt("chief", "a", now)
        now += dt.timedelta(seconds=wait_s)
        throttle.attempt("chief", "a", now)


def test_a_clock_that_is_set_back_shuts_nobody_out(engine: Engine) -> None:
    """An hour before the last attempt nobody with few failures waits, and others no longer than their delay."""
    throttle, earlier = Throttle(engine), NOW - dt.timedelta(hours=1)
    throttle.attempt("chief", "a", NOW)
    throttle.attempt("chief", "a", earlier)
    for _ in range(FREE_FAILURES):
        Throttle(engine).attempt("desk", "a", NOW)
    with pytest.raises(TooManyAttempts, match="in 1 s"):
        throttle.attempt("desk", "a", earlier)


def test_neither_restart_nor_another_server_forgets(engine: Engine) -> None:
    """What failed before a restart counts after it."""
    for _ in range(FREE_FAILURES):
        Throttle(engine).attempt("chief", "a", NOW)
    with pytest.raises(TooManyAttempts):
        Throttle(engine).attempt("chief", "a", NOW)


def test_another_address_is_not_slowed_down(engine: Engine) -> None:
    """Whoever fails for an account elsewhere does not keep its owner out."""
    throttle = Throttle(engine)
    for _ in range(FREE_FAILURES):
        throttle.attempt("chief", "stranger", NOW)
    throttle.attempt("chief", "town hall", NOW)


def test_one_address_with_many_accounts_is_slowed_down(engine: Engine) -> None:
    """Trying one password on many accounts is slowed down, too."""
    throttle = Throttle(engine)
    for number in range(FREE_FROM_ADDRESS):
        throttle.attempt(f"account {number}", "a", NOW)
    with pytest.raises(TooManyAttempts):
        throttle.attempt("account 1000", "a", NOW)


def test_success_is_no_failure(engine: Engine) -> None:
    """Whoever signs in, however often, is never slowed down; and failures before are forgotten."""
    throttle = Throttle(engine)
    for _ in range(FREE_FAILURES - 1):
        throttle.attempt("chief", "a", NOW)
    for _ in range(FREE_FROM_ADDRESS + 10):
        throttle.attempt("chief", "a", NOW)
        throttle.succeeded("chief", "a")


def test_a_day_forgets(engine: Engine) -> None:
    """A day after the last failure there is none, and nothing is left of it in the table."""
    throttle = Throttle(engine)
    for _ in range(FREE_FAILURES):
        throttle.attempt("chief", "a", NOW)
    later = NOW + dt.timedelta(days=1, seconds=1)
    throttle.attempt("desk", "b", later)
    with Session(engine) as session:
        assert {row.last_at for row in session.exec(select(SignInFailureRow))} == {later}


def test_attempts_at_once_are_all_counted(engine: Engine) -> None:
    """Of attempts from many threads none is lost: as many are counted as were let through."""
    throttle = Throttle(engine)

    def attempt(_number: int) -> bool:
        try:
            throttle.attempt("chief", "a", NOW)
        except TooManyAttempts:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        passed = sum(pool.map(attempt, range(40)))
    with Session(engine) as session:
        assert {row.failures for row in session.exec(select(SignInFailureRow))} == {passed}
    assert FREE_FAILURES <= passed < 40
