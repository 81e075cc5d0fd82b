"""Searches in processes of their own."""

from __future__ import annotations

import math
import multiprocessing
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from random_days import random_day

from optimizer.judge.evaluate import check
from optimizer.search import workers as workers_module
from optimizer.search.feasible import options
from optimizer.search.solve import solve
from optimizer.search.stop import AnyOf, Cancelled, Deadline, StepLimit
from optimizer.search.workers import Alone, Task, Workers

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


def a_task(seed: int = 0, *, visits: int = 12, steps: int | None = 2) -> Task:
    problem = random_day(seed, visits=visits)
    shifts_of = options(problem).shifts
    return Task(problem=problem, shifts_of=shifts_of, start=(), seed=seed, seconds=math.inf, steps=steps)


def forever() -> Deadline:
    return Deadline(600, time.monotonic)


def ends(pid: int) -> bool:
    """Whether a process is gone, or soon will be."""
    for _ in range(600):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def pids(workers: Workers) -> list[int]:
    return [worker._process.pid for worker in workers._workers]


def test_workers_find_what_one_process_finds_in_the_order_of_the_tasks() -> None:
    """Tasks with a step limit have the same answers from two workers as from none, in the order they were given."""
    tasks = [a_task(seed) for seed in range(5)]
    with Workers(2) as workers:
        found = list(workers.run(tasks, stop=forever()))
    assert found == list(Alone().run(tasks, stop=forever()))
    assert all(found)


def test_a_task_of_the_same_problem_begins_from_its_own_start() -> None:
    """A second task of a problem that the worker has already may have another start, and keeps what it serves."""
    task = a_task(1)
    with Workers(1) as workers:
        (first,) = workers.run([task], stop=forever())
        assert first is not None
        (second,) = workers.run([replace(task, start=first, steps=1)], stop=forever())
    assert second is not None
    assert sum(len(order.actions) for order in second) >= sum(len(order.actions) for order in first) > 0


def test_a_worker_that_dies_leaves_its_task_undone_and_the_others_go_on() -> None:
    """After one of two workers was killed, its task has no answer, and all others have one."""
    tasks = [a_task(0, visits=40, steps=1_000_000), *(a_task(seed) for seed in range(1, 4))]
    with Workers(2) as workers:
        killed = pids(workers)[0]
        threading.Timer(1.0, os.kill, (killed, 9)).start()
        found = list(workers.run(tasks, stop=forever()))
    assert found[0] is None
    assert all(found[1:])


def test_without_any_worker_alive_the_run_ends() -> None:
    """When all workers are dead, no task has an answer and nobody waits."""
    with Workers(2) as workers:
        for pid in pids(workers):
            os.kill(pid, 9)
        assert not any(workers.run([a_task(seed) for seed in range(3)], stop=forever()))


def test_cancelling_hands_in_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flag raised during a search without an end brings its best routes so far, and no further task is drawn."""
    monkeypatch.setattr(workers_module, "_GRACE_S", 60.0)  # what is handed in is asked here, not how fast
    flag = threading.Event()
    tasks = [a_task(seed, visits=40, steps=None) for seed in range(5)]
    with Workers(2) as workers:
        list(workers.run([a_task(), a_task()], stop=forever()))
        threading.Timer(1.0, flag.set).start()
        found = list(workers.run(tasks, stop=AnyOf(Cancelled(flag.is_set), forever())))
    assert len(found) == 2
    assert all(found)


def test_nothing_is_left_behind() -> None:
    """At the end of the block, and when it ends with an error, every process is gone."""
    left: list[int] = []

    def fail() -> None:
        with Workers(2) as workers:
            left.extend(pids(workers))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert all(ends(pid) for pid in left)


def test_workers_end_with_their_parent() -> None:
    """When the parent dies without a word in the middle of a search, its workers end too."""
    program = textwrap.dedent("""
        import math, os, sys, threading, time
        sys.path.insert(0, "tests/optimizer")
        from random_days import random_day
        from optimizer.search.feasible import options
        from optimizer.search.stop import Deadline
        from optimizer.search.workers import Task, Workers

        workers = Workers(2)
        print(*[worker._process.pid for worker in workers._workers], flush=True)
        problem = random_day(0)
        task = Task(problem=problem, shifts_of=options(problem).shifts, start=(), seed=0, seconds=math.inf, steps=None)
        threading.Timer(1.0, os._exit, (3,)).start()
        list(workers.run([task, task], stop=Deadline(600, time.monotonic)))
    """)
    parent = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert parent.returncode == 3, parent.stderr
    assert all(ends(int(pid)) for pid in parent.stdout.split())


def plan_in_daemon(sender: Connection) -> None:
    """Plan a day with two workers and send back whether it passes (runs in a process of its own)."""
    problem = random_day(0, visits=20)
    plan = solve(problem, stop=StepLimit(4), workers=2).plan
    sender.send((check(problem, plan), len(plan.routes)))


def test_a_daemonic_process_may_have_workers() -> None:
    """A search in a daemonic process, as the service's runs are, uses workers like any other."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=plan_in_daemon, args=(sender,), daemon=True)
    process.start()
    sender.close()
    violations, routes = receiver.recv()
    process.join()
    process.close()
    receiver.close()
    assert violations == ()
    assert routes


def test_two_workers_reproduce_a_plan_with_a_step_limit() -> None:
    """The same seed, steps and number of workers give the same plan, and it passes the judge."""
    problem = random_day(2, visits=25)
    first, second = (solve(problem, stop=StepLimit(12), seed=5, workers=2).plan for _ in range(2))
    assert first == second
    assert check(problem, first) == ()


def test_a_short_search_starts_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that ends before processes have loaded does without them, however many it may have."""

    def refuse(_count: int) -> Workers:
        raise AssertionError("Workers were started.")

    monkeypatch.setattr("optimizer.search.solve.Workers", refuse)
    problem = random_day(0, visits=12)
    plan = solve(problem, stop=AnyOf(Deadline(5, time.monotonic), StepLimit(2)), workers=2).plan
    assert check(problem, plan) == ()
    with pytest.raises(AssertionError, match="Workers were started"):
        solve(problem, stop=AnyOf(Deadline(60, time.monotonic), StepLimit(2)), workers=2)


def test_workers_must_be_at_least_one() -> None:
    """Nobody can search with no workers at all."""
    with pytest.raises(ValueError, match="at least one worker"):
        Workers(0)


def test_search_ends_at_once_while_a_process_is_still_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that reads nothing yet, as while it loads, holds up neither the next look at ``stop`` nor the end."""
    looks: list[float] = []

    def asked() -> bool:
        looks.append(time.monotonic())
        return len(looks) > 3

    monkeypatch.setattr(workers_module, "_SERVE", "import time; time.sleep(600)")
    task = a_task(visits=200)
    assert len(pickle.dumps(task.problem)) > 2**17  # more than a pipe holds
    with Workers(1) as workers:
        assert list(workers.run([task], stop=Cancelled(asked))) == [None]
        (pid,) = pids(workers)
    assert ends(pid)
