"""prefork told in Ciw: a node whose number of servers follows the passes, another independent twin."""

from __future__ import annotations

import math
from typing import Any

import ciw

from poolwise.model import Pool, Workload


def ciw_prefork(pool: Pool, load: Workload, gaps_s: list[float], ready_s: float) -> tuple[list[float], int]:
    """Start time of each request (-1 refused) and the number of forks, with passes on whole seconds.

    ``gaps_s`` are the times between arrivals: Ciw adds them up itself, as ``load`` must have done.
    """
    service = load.service_s.tolist()

    class Prefork(ciw.Node):  # type: ignore[misc]
        """A child is a server; one that is starting is only a date."""

        def __init__(self, number: int, simulation: Any) -> None:
            super().__init__(number, simulation)
            self.servers: list[Any] = []
            self.rate, self.notices, self.forks = 1, 0, pool.initial
            self.starting = [ready_s] * pool.initial
            self.pass_s = 1.0
            self.update_capacity()
            if self.starting:
                self.next_event_date, self.next_event_type = ready_s, "ready"

        def update_capacity(self) -> None:
            self.node_capacity = len(self.servers) + pool.backlog

        def update_next_event_date(self) -> None:
            super().update_next_event_date()
            for kind, date in (("ready", min(self.starting, default=math.inf)), ("pass", self.pass_s)):
                if date <= self.next_event_date:
                    self.next_event_date, self.next_event_type = date, kind

        def have_event(self) -> None:
            if self.next_event_type == "ready":
                self.begin_to_serve()
            elif self.next_event_type == "pass":
                self.maintain()
            else:
                super().have_event()

        def begin_to_serve(self) -> None:
            self.starting.remove(min(self.starting))
            if self.notices and self.number_of_individuals == self.number_in_service:
                self.notices -= 1
                return
            self.add_new_servers(1)
            self.update_capacity()
            self.begin_service_if_possible_change_shift()

        def maintain(self) -> None:
            self.pass_s += 1.0
            alive = len(self.servers) + len(self.starting) - self.notices
            idle = [server for server in self.servers if not server.busy]
            spare = len(idle) + len(self.starting)
            if spare > pool.max_spare:
                self.rate = 1
                if idle:
                    self.dismiss(idle[0])
                else:
                    self.notices += 1
            elif spare < pool.min_spare and alive < pool.process_limit:
                new = min(self.rate, pool.process_limit - alive)
                self.starting += [self.now + ready_s] * new
                self.forks += new
                self.rate = min(2 * self.rate, 32)
            else:
                self.rate = 1

        def detatch_server(self, server: Any, individual: Any) -> None:
            super().detatch_server(server, individual)
            if self.notices:
                self.notices -= 1
                self.dismiss(server)

        def dismiss(self, server: Any) -> None:
            self.servers.remove(server)
            self.update_capacity()

        def get_service_time(self, ind: Any) -> float:
            return float(service[ind.id_number - 1])

    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Sequential([*gaps_s, math.inf])],
        service_distributions=[ciw.dists.Deterministic(1.0)],
        number_of_servers=[1],
        queue_capacities=[pool.backlog],
    )
    simulation = ciw.Simulation(network, node_class=Prefork)
    simulation.simulate_until_max_time(load.duration_s + 600)
    starts = [math.nan] * len(load)
    for record in simulation.get_all_records():
        refused = record.record_type == "rejection"
        starts[record.id_number - 1] = -1.0 if refused else record.service_start_date
    return starts, simulation.nodes[1].forks
