"""From the nouns to the kernel's numbers: the plan and the rules of every stage of a topology."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from poolwise.model import App, Machine, Pool, Topology
from poolwise.servers import (
    CHEAPER_BACKLOG,
    CHEAPER_BUSYNESS,
    CHEAPER_SPARE,
    MESSAGES,
    connection_limits,
    daemon_is_modern,
    daemon_request_limit_s,
    holds,
)
from poolwise.simulation import state as st
from poolwise.simulation.chain import memory as mem
from poolwise.simulation.incident import Timing

GILS = {"shared": mem.SHARED_GIL, "per-interpreter": mem.INTERPRETER_GIL, "free-threaded": mem.NO_GIL}
CHEAPER = {
    CHEAPER_SPARE: mem.BY_SPARE,
    CHEAPER_BACKLOG: mem.BY_BACKLOG,
    CHEAPER_BUSYNESS: mem.BY_BUSYNESS,
}
LINGER_S = 2.0  # a client that does not close its side: server/connection.c, ap_lingering_close
KEEPER_THREAD_BYTES = 50_000  # a thread of a front that runs no application
KEEPER_SHARED_BYTES = 5_000_000
ROUTERS = ("unit", "passenger", "waitress")  # something in front of the processes keeps the connections


@dataclass(frozen=True)
class Stage:
    """A pool with what the application costs in it."""

    pool: Pool
    app: App
    only_passes_on: bool  # a front whose requests all run in groups


def stages_of(topology: Topology, app: App, apps: Mapping[str, App]) -> list[Stage]:
    """The front first, then every group; ``apps`` by name of the pool where they differ from ``app``."""
    passes_on = bool(topology.groups) and all(route >= 0 for route in topology.routes)
    front = app
    if passes_on:
        front = replace(
            app,
            import_cpu_s=0.0,
            import_wait_s=0.0,
            loads="start",
            process_bytes=app.bare_bytes,
            thread_bytes=KEEPER_THREAD_BYTES,
            shared_bytes=KEEPER_SHARED_BYTES,
            leak_bytes=0,
        )
    first = Stage(topology.front, apps.get(topology.front.name, front), passes_on)
    return [first, *(Stage(pool, apps.get(pool.name, app), False) for pool in topology.groups)]


def plan(
    stage: Stage, machine: Machine, timing: Timing, seconds: int, drain_s: float, queue: int, lines: int
) -> st.Plan:
    """The plan of the stage's pool; ``queue``: how many may wait for one of its workers."""
    pool = stage.pool
    architecture = st.ARCHITECTURES.get(pool.architecture, st.SUPERVISED)
    slots = pool.server_limit if architecture == st.EVENT else pool.process_limit
    slots += 1 if _overlap_s(pool) > 0 else 0
    by_httpd = architecture != st.SUPERVISED
    replaces_killed, old_kill_rule = st.version_rules(architecture, pool.httpd_version)
    return st.lay_out(
        st.Plan(
            architecture=architecture,
            threads=pool.threads,
            start=pool.start,
            min_spare=pool.min_spare,
            max_spare=pool.max_spare,
            process_limit=pool.process_limit,
            slots=slots,
            server_limit=pool.server_limit,
            max_workers=pool.max_workers,
            max_connections=pool.max_connections_per_child if by_httpd else 0,
            backlog=queue,
            replaces_killed=replaces_killed,
            old_kill_rule=by_httpd and old_kill_rule,
            step_by_step=True,
            cores=machine.cores,
            startup_cpu_s=0.0,
            startup_wait_s=0.0,
            sleep_s=timing.sleep_s,
            fork_s=timing.fork_s,
            die_s=timing.exit_s(threaded=architecture in (st.WORKER, st.EVENT)),
            parse_s=timing.parse_s,
            scale=1.0,
            horizon_s=float(seconds),
            stop_s=seconds + drain_s,
            workers=slots * pool.threads,
            seconds=seconds,
            ticks=int((seconds + drain_s) / timing.sleep_s) + 2 if by_httpd else 1,
            lines=lines if pool.architecture in MESSAGES else 1,
            timed=False,
        )
    )


def rules(stage: Stage, front: Pool, closes: bool, chained: bool) -> mem.Rules:
    """What the stage does besides its pool: connections, loading, limits, memory."""
    pool, app, options = stage.pool, stage.app, stage.pool.options
    held = holds(pool.architecture)
    idle_s, most = connection_limits(pool)
    eager = app.loads == "start"
    daemon = pool.architecture == "mod_wsgi_daemon"
    modern = daemon and daemon_is_modern(pool.httpd_version)
    preload = app.loads == "preload"
    kilobytes = options.get("MaxMemFree", 0.0)
    retained = min(app.pool_bytes, kilobytes * 1024) if kilobytes else app.pool_bytes
    event = pool.architecture == "event"
    return mem.Rules(
        kept_by=_kept_by(pool),
        holds_upload=held.holds_upload,
        holds_download=held.holds_download,
        idle=_idle(pool, idle_s),
        keep_alive_s=idle_s,
        keep_alive_most=most,
        factor=max(int(options.get("AsyncRequestWorkerFactor", 2)), 1) if event and chained else 0,
        linger_s=0.0 if closes else LINGER_S,
        boot_wait_s=app.startup_wait_s + (app.import_wait_s if eager else 0.0),
        boot_cpu_s=app.startup_cpu_s + (app.import_cpu_s if eager else 0.0),
        lazy=app.loads == "first request" and not stage.only_passes_on,
        import_wait_s=app.import_wait_s,
        import_cpu_s=app.import_cpu_s,
        bursts=app.bursts,
        gil=GILS[app.gil],
        interpreters=app.interpreters,
        shared_bytes=float(app.shared_bytes),
        bare_bytes=float(app.bare_bytes),
        process_bytes=float(app.process_bytes),
        thread_bytes=float(app.thread_bytes),
        pool_bytes=float(retained),
        leak_bytes=float(app.leak_bytes),
        dirty_requests=app.dirty_requests if preload else 0.0,
        listen_backlog=pool.backlog,
        connect_timeout_s=_connect_timeout_s(pool),
        queue_timeout_s=options.get("queue-timeout", 0.0),
        socket_timeout_s=_socket_timeout_s(pool, front) if daemon else 0.0,
        request_timeout_s=_request_timeout_s(pool, modern),
        summed_age=daemon and not modern,
        shutdown_timeout_s=options.get("shutdown-timeout", 0.0),
        inactivity_timeout_s=options.get("inactivity-timeout", 0.0),
        lifetime_s=_lifetime_s(pool),
        lifetime_delta_s=options.get("max-worker-lifetime-delta", 0.0),
        overlap_s=_overlap_s(pool),
        least_age_s=options.get("min-worker-lifetime", 0.0),
        mercy_s=options.get("worker-reload-mercy", 0.0),
        most_requests=pool.max_connections_per_child if pool.architecture not in st.ARCHITECTURES else 0,
        jitter=int(options.get("max_requests_jitter", 0)),
        slot_delta=int(options.get("max-requests-delta", 0)),
        graceful_timeout_s=options.get("graceful-timeout", 15.0) if daemon else 0.0,
        memory_limit_bytes=options.get("reload-on-rss", 0.0) * 1_048_576,
        minimum=_minimum(pool),
        step=int(options.get("cheaper-step", 1)),
        overload=int(options.get("cheaper-overload", 3)),
        busy_low=int(options.get("cheaper-busyness-min", 25)),
        busy_high=int(options.get("cheaper-busyness-max", 50)),
        multiplier=int(options.get("cheaper-busyness-multiplier", 10)),
        penalty=int(options.get("cheaper-busyness-penalty", 2)),
        alert=int(options.get("cheaper-busyness-backlog-alert", 33)),
        alert_multiplier=int(options.get("cheaper-busyness-backlog-multiplier", 3)),
        alert_step=int(options.get("cheaper-busyness-backlog-step", 1)),
        nonzero=int(options.get("cheaper-busyness-backlog-nonzero", 60)),
        idle_timeout_s=options.get("idle_timeout", options.get("pool_idle_time", 0.0)),
    )


def _kept_by(pool: Pool) -> int:
    if pool.architecture in st.ARCHITECTURES:
        return mem.BY_HTTPD
    if pool.architecture == "uwsgi":
        scales = pool.options.get("cheaper", 0) > 0
        return (
            CHEAPER.get(int(pool.options.get("cheaper-algo", 0)), mem.BY_NUMBER) if scales else mem.BY_NUMBER
        )
    kinds = {
        "mod_wsgi_daemon": mem.BY_HTTPD_FIXED,
        "unit": mem.BY_UNIT,
        "passenger": mem.BY_PASSENGER,
    }
    return kinds.get(pool.architecture, mem.BY_NUMBER)


def _idle(pool: Pool, idle_s: float) -> int:
    """Where an idle connection of the pool is, if it keeps any."""
    if idle_s <= 0:
        return mem.CLOSED
    if pool.architecture in ROUTERS:
        return mem.ROUTED
    return mem.HELD if holds(pool.architecture).holds_idle else mem.PARKED


def _lifetime_s(pool: Pool) -> float:
    """Age at which a process is replaced; 0 never."""
    names = ("restart-interval", "max-worker-lifetime", "workers-lifetime")
    return max(pool.options.get(name, 0.0) for name in names)


def _overlap_s(pool: Pool) -> float:
    """granian: how long a process that is replaced for its age runs beside the new one."""
    if pool.architecture != "granian" or _lifetime_s(pool) == 0.0:
        return 0.0
    return max(pool.options.get("respawn-interval", 3.5), 1e-3)


def _minimum(pool: Pool) -> int:
    for name in ("cheaper", "spare", "min_instances"):
        if name in pool.options:
            return int(pool.options[name])
    return 0


def _connect_timeout_s(pool: Pool) -> float:
    """How long a request knocks at a full queue of a group; 0 not at all, below 0 for ever."""
    if pool.architecture == "passenger":
        return 0.0
    return pool.options.get("connect-timeout", 15.0) if pool.architecture == "mod_wsgi_daemon" else -1.0


def _socket_timeout_s(pool: Pool, front: Pool) -> float:
    return pool.options.get("socket-timeout", 0.0) or front.options.get("Timeout", 60.0)


def _request_timeout_s(pool: Pool, modern: bool) -> float:
    """How old a request may become before its process is ended; 0 never."""
    options = pool.options
    if pool.architecture == "mod_wsgi_daemon":
        limit_s = daemon_request_limit_s(options.get("request-timeout", 0.0), pool.threads, modern)
        return 0.0 if math.isinf(limit_s) else limit_s
    if pool.architecture == "gunicorn_sync":
        return options.get("timeout", 0.0)
    return options.get("harakiri", 0.0)
