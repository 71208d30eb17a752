"""Times on a machine that also does other things: contenders take turns, and medians decide."""

import statistics
import time
from collections.abc import Callable, Mapping

Times = dict[str, list[float]]
"""Seconds of every round, under the contender's name; all contenders have the same rounds."""


def take_turns(contenders: Mapping[str, Callable[[], object]], rounds: int) -> Times:
    """Time each contender once in every round, after a first call that is not counted.

    Args:
        contenders: Calls to time, each under its name.
        rounds: How often each is timed. Every round starts with another contender, so that none
            always runs after the same one.

    Returns:
        Their times.
    """
    names = list(contenders)
    times: Times = {name: [] for name in names}
    for name in names:
        contenders[name]()
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            start = time.perf_counter()
            contenders[name]()
            times[name].append(time.perf_counter() - start)
    return times


def median_ratio(times: Times, name: str, base: str) -> float:
    """How many times as long as another one a contender takes: the median over the rounds."""
    pairs = zip(times[name], times[base], strict=True)
    return statistics.median(seconds / base_seconds for seconds, base_seconds in pairs)
