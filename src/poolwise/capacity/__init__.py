"""Capacity: which settings a load needs, the evidence for it, and what queueing theory says."""

from __future__ import annotations

from poolwise.capacity.advice import tune
from poolwise.capacity.exact.bursts import BurstQueue, mmpp_queue
from poolwise.capacity.exact.erlang import (
    allen_cunneen,
    erlang_b,
    erlang_c,
    mmc,
    mmck,
    servers_for_refusals,
    servers_for_wait,
    square_root_staffing,
)
from poolwise.capacity.exact.gil import ExactThreads, PythonPool, exact_threads, python_pool
from poolwise.capacity.exact.prefork import PreforkState, prefork_chain
from poolwise.capacity.exact.queue import Queue
from poolwise.capacity.exact.repairman import Threads, python_threads
from poolwise.capacity.exact.sharing import Sharing, processor_sharing
from poolwise.capacity.exact.single import FixedService, mdc, mdc_mean_wait, pollaczek_khinchine
from poolwise.capacity.exact.unlimited import (
    busy_under_a_wave,
    busy_under_steps,
    covariance_exponential,
    covariance_lognormal,
    covariance_of_durations,
)
from poolwise.capacity.search import Trial, search

__all__ = [
    "BurstQueue",
    "ExactThreads",
    "FixedService",
    "PreforkState",
    "PythonPool",
    "Queue",
    "Sharing",
    "Threads",
    "Trial",
    "allen_cunneen",
    "busy_under_a_wave",
    "busy_under_steps",
    "covariance_exponential",
    "covariance_lognormal",
    "covariance_of_durations",
    "erlang_b",
    "erlang_c",
    "exact_threads",
    "mdc",
    "mdc_mean_wait",
    "mmc",
    "mmck",
    "mmpp_queue",
    "pollaczek_khinchine",
    "prefork_chain",
    "processor_sharing",
    "python_pool",
    "python_threads",
    "search",
    "servers_for_refusals",
    "servers_for_wait",
    "square_root_staffing",
    "tune",
]
