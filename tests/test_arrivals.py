"""What a view keeps of records: which is the latest of a pset, and how fast they come."""

import pytest

from psweep_nb.arrivals import RATE_S, Arrivals
from psweep_nb.journal import DONE, FAILED, Record


def record(pset: int, attempt: int = 1, kind: int = DONE, end_s: float = 1.0) -> Record:
    return Record(kind, attempt, pset, round((end_s - 0.5) * 1e9), 5 * 10**8, 0, 0, b"", 0)


def test_of_a_pset_the_latest_attempt_counts_in_whatever_order_they_come() -> None:
    arrived = Arrivals(3)
    arrived.add(0, record(1, kind=FAILED))
    arrived.add(0, record(2, kind=FAILED))
    arrived.add(1, record(1, attempt=2))
    arrived.add(0, record(1, attempt=1, kind=FAILED))
    arrived.add(0, record(2, kind=DONE))  # what was done is not undone by a crash after it
    arrived.add(0, record(2, kind=FAILED))
    assert len(arrived) == 6
    assert (arrived.done, list(arrived.failures)) == (2, [])
    assert arrived.states() == [(1, DONE, 2), (2, DONE, 1)]
    assert arrived.latest(0) is None
    assert [arrived.has_ended(1, attempt) for attempt in (1, 2, 3)] == [True, True, False]
    assert not arrived.has_ended(0, 1)


def test_the_rate_is_of_what_came_recently() -> None:
    arrived = Arrivals(200)
    arrived.add(0, record(0, end_s=1.0))
    assert arrived.rate(None) is None
    for number in range(1, 100):  # long ago, and slowly
        arrived.add(0, record(number, end_s=1.0 + number))
    for number in range(100, 200):  # ten a second
        arrived.add(0, record(number, end_s=1000 + 5 * RATE_S + number / 10))
    now = 1000 + 5 * RATE_S + 19.9
    assert arrived.rate(None) == pytest.approx(10)
    assert arrived.rate(now + 9.9) == pytest.approx(5), "none for some time: it becomes less"
    assert arrived.runtimes() == [0.5] * 200
