"""The chain of a prefork pool from pass to pass, as operations on a distribution.

The state just before a pass is (processes, spawn rate, n in system). The pass decides (``decisions``), and
until the next one the system is an M/M/c/K queue: with the ready processes at first, and with the new ones
too from the moment that they are ready (``transient``).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from poolwise.capacity.exact.decisions import decide
from poolwise.capacity.exact.series import stationary
from poolwise.capacity.exact.transient import Span, span

if TYPE_CHECKING:
    from poolwise.model import Floats, Pool

SWEEPS = 3  # between two balances, which are dearer


class Passes:
    """The chain of one pool and load; ``most`` is the largest number in the system that is looked at.

    A distribution has shape (processes, spawn rates, n in system). Times in seconds.
    """

    def __init__(
        self, pool: Pool, most: int, rate_rps: float, service_s: float, startup_s: float, pass_s: float
    ) -> None:
        self.pass_s = pass_s
        self.decisions = decide(pool, most)
        self.n = np.arange(most + 1)
        workers = self.decisions.workers[:, None]
        room = np.minimum(workers + pool.backlog, most)
        self.busy = np.minimum(self.n, workers).astype(np.float64)
        self.waiting = self.n - self.busy
        births = np.where(self.n[:-1] < room, rate_rps, 0.0)
        measures = np.stack((self.waiting, np.where(self.n == room, 1.0, 0.0)), axis=2)
        self.early: Span = span(births, self.busy[:, 1:] / service_s, measures, startup_s)
        self.late: Span = span(births, self.busy[:, 1:] / service_s, measures, pass_s - startup_s)

    def start(self) -> Floats:
        """A first guess with every possible state in it."""
        d = self.decisions
        guess = np.zeros((d.groups, d.states))
        guess[d.reached, : d.workers[0] + 1] = 1.0
        guess /= guess.sum()
        return guess.reshape(len(d.workers), len(d.rates), d.states)

    def sweeps(self, state: Floats) -> Floats:
        """The distribution ``SWEEPS`` passes later."""
        for _ in range(SWEEPS):
            state = self.sweep(state)
        return state

    def sweep(self, state: Floats) -> Floats:
        """The distribution one pass later."""
        result: Floats = np.matmul(self._ready(self._planned(state)), self.late.move)
        result /= result.sum()
        return result

    def _planned(self, state: Floats) -> Floats:
        """Just after the decision, shape (processes, plans, n)."""
        d = self.decisions
        shape = (len(d.workers), len(d.rates) + 1, d.states)
        counts: Floats = np.bincount(d.plan, state.ravel(), math.prod(shape)).astype(np.float64)
        return counts.reshape(shape)

    def _ready(self, planned: Floats) -> Floats:
        """When the new processes are ready, shape (processes, spawn rates, n)."""
        d = self.decisions
        result = np.zeros((d.groups, d.states))
        np.add.at(result, d.group, (planned @ self.early.move).reshape(-1, d.states))
        return result.reshape(len(d.workers), len(d.rates), d.states)

    def balance(self, state: Floats) -> Floats:
        """The same distribution within each group, with the groups' own masses solved for."""
        d = self.decisions
        flat = state.reshape(d.groups, d.states)
        ends = d.group[d.plan // d.states]
        pairs = np.repeat(np.arange(d.groups), d.states) * d.groups + ends
        flow = np.bincount(pairs, flat.ravel(), d.groups**2).reshape(d.groups, d.groups)
        mass = flat.sum(axis=1)
        # heaviest first: what is eliminated first is then never numerically absorbing
        order = d.reached[np.argsort(-mass[d.reached], kind="stable")]
        order = order[mass[order] > 0.0]
        with np.errstate(divide="ignore", invalid="ignore"):  # while probabilities underflow
            share = stationary(flow[np.ix_(order, order)] / mass[order, None])
        if not np.all(np.isfinite(share)):
            return state
        result = np.zeros_like(flat)
        result[order] = flat[order] * (share / mass[order])[:, None]
        return result.reshape(state.shape)

    def figures(self, state: Floats) -> Floats:
        """Busy and queued at the pass, created a second, share refused, and mean number waiting over time."""
        planned = self._planned(state)
        spent = np.einsum("pcn,pnf->f", planned, self.early.spent)
        spent += np.einsum("prn,pnf->f", self._ready(planned), self.late.spent)
        created = float(planned.sum(axis=2).ravel() @ self.decisions.forks)
        by_total = state.sum(axis=1)
        busy, queued = (by_total * self.busy).sum(), (by_total * self.waiting).sum()
        return np.array([busy, queued, created / self.pass_s, spent[1] / self.pass_s, spent[0] / self.pass_s])
