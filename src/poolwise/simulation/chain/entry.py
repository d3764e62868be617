"""Where a run enters the kernel. The compiled twin is given addresses: a pointer is one word to hand on, an
array seven, and the kernel's functions hand theirs on some thirty times a request.

The five functions at the top do nothing here; in the compiled twin they turn an address into a pointer.
"""

from __future__ import annotations

from typing import TypeVar

from poolwise.simulation.chain.flow import FloatRows, Rows
from poolwise.simulation.chain.loop import run_chain
from poolwise.simulation.chain.memory import Floats, Ints, Layout, Rules
from poolwise.simulation.state import Plan

Kind = TypeVar("Kind")


def ints_at(memory: Ints) -> Ints:
    """Integers that begin at an address."""
    return memory


def floats_at(memory: Floats) -> Floats:
    """Floats that begin at an address."""
    return memory


def int_rows_at(rows: Rows) -> Rows:
    """Addresses of rows of integers."""
    return rows


def float_rows_at(rows: FloatRows) -> FloatRows:
    """Addresses of rows of floats."""
    return rows


def records_at(records: list[Kind], like: Kind) -> list[Kind]:
    """Records that begin at an address, each ``like`` this one."""
    return records


def enter(
    m: Ints,
    y: Floats,
    p: Layout,
    ns: Rows,
    xs: FloatRows,
    cs: list[Plan],
    c: Plan,
    rs: list[Rules],
    r: Rules,
    routes: Ints,
    incident_s: Floats,
    incident_kind: Ints,
    incident_count: Ints,
    incidents: int,
    until_s: float,
) -> bool:
    """``run_chain`` on the memory that is meant; ``c`` and ``r`` are one record of each kind."""
    return run_chain(
        ints_at(m),
        floats_at(y),
        p,
        int_rows_at(ns),
        float_rows_at(xs),
        records_at(cs, c),
        records_at(rs, r),
        ints_at(routes),
        floats_at(incident_s),
        ints_at(incident_kind),
        ints_at(incident_count),
        incidents,
        until_s,
    )
