"""Runs, sites and advice for the report tests: a small second-by-second pool under a day-like load."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import numpy as np

from poolwise.model import (
    BUCKETS,
    Advice,
    App,
    Application,
    Change,
    DaemonGroup,
    Histogram,
    Host,
    Inactive,
    LogFormat,
    LogLine,
    Module,
    Note,
    Pool,
    Recommendation,
    Run,
    Site,
    Target,
    Value,
    Where,
)

if TYPE_CHECKING:
    from poolwise.model import Floats

APP = App("shop", startup_cpu_s=1.5, shared_bytes=20_000_000, process_bytes=80_000_000)
TODAY = Pool("front", "prefork", 1, 5, 5, 10, 150, 150, 150)
ADVISED = Pool("front", "prefork", 1, 40, 12, 70, 90, 90, 90)
EVENT = Pool("front", "event", 25, 3, 75, 250, 16, 20, 400)

EVIL = "</script></svg><script>alert(1)</script><img src=x onerror=alert(2)>"


class Scripts(HTMLParser):
    """Collects script elements, event handlers and everything that would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[dict[str, str | None]] = []
        self.fetched: list[str] = []
        self.handlers: list[str] = []
        self.tags: set[str] = set()
        self.policy = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.add(tag)
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"] or ""
        if tag == "script":
            self.scripts.append(values)
        self.fetched += [
            v for k, v in attrs if k in ("src", "href", "srcset") and v and not v.startswith("#")
        ]
        self.handlers += [k for k, _ in attrs if k.startswith("on")]


def histogram(durations_s: Floats) -> Histogram:
    edges = Histogram.edges_s()
    counts, _ = np.histogram(durations_s, bins=edges)
    assert counts.shape == (BUCKETS,)
    longest = float(durations_s.max(initial=0.0))
    return Histogram(counts.astype(np.int64), float(durations_s.sum()), longest)


def load(length: int, peak: float, seed: int = 1) -> Floats:
    """Requests in service wanted at each second: two humps, noise and three bursts."""
    rng = np.random.default_rng(seed)
    t = np.arange(length) / max(length, 1)
    humps = 0.15 + 0.6 * np.exp(-(((t - 0.35) / 0.1) ** 2)) + np.exp(-(((t - 0.75) / 0.08) ** 2))
    wanted = rng.poisson(humps * peak / 1.3).astype(np.float64)
    for start in (0.1, 0.5, 0.9):
        begin = int(start * length)
        wanted[begin : begin + max(8, length // 200)] += peak * 0.9
    return wanted


def pool_series(pool: Pool, wanted: Floats) -> dict[str, Floats]:
    """What httpd's rule (spawn 1, 2, 4 ... 32; kill one a tick) makes of it, once a second."""
    names = ("busy", "queued", "total", "idle", "created", "killed", "arrived", "refused")
    series = {name: np.zeros(len(wanted)) for name in names}
    total, rate = pool.initial, 1
    for second, want in enumerate(wanted):
        busy = min(float(want), float(total * pool.threads))
        idle = total * pool.threads - busy
        created = killed = 0
        if idle > pool.max_spare:
            killed, rate = 1, 1
        elif idle < pool.min_spare and total < pool.maximum:
            created, rate = min(rate, pool.maximum - total), min(2 * rate, 32)
        else:
            rate = 1
        queued = max(0.0, want - busy)
        row = (busy, queued, total, idle, created, killed, want, max(0.0, queued - 60.0))
        for name, value in zip(names, row, strict=True):
            series[name][second] = value
        total += created - killed
    series["memory_bytes"] = APP.shared_bytes + series["total"] * 80_300_000.0
    return series


def sample_run(pool: Pool = TODAY, length: int = 900, label: str = "today", peak: float = 60.0) -> Run:
    """A run of ``length`` seconds with plausible waits, and all the totals that ``Run`` names."""
    series = pool_series(pool, load(length, peak))
    rng = np.random.default_rng(2)
    served = max(int(series["busy"].sum()), 1)
    responses = rng.lognormal(-1.6, 0.8, min(served, 20_000))
    waiting = series["queued"].sum() / max(series["arrived"].sum(), 1.0)
    waits = np.where(rng.random(len(responses)) < waiting, rng.exponential(0.6, len(responses)), 0.0)
    wait = histogram(waits)
    refused = float(series["refused"].sum())
    totals = {
        "requests": len(responses) + refused,
        "served": float(len(responses)),
        "refused": refused,
        "lost": 0.0,
        "unfinished": 0.0,
        "waited": float((waits > 0).sum()),
        "created": float(series["created"].sum()) + pool.initial,
        "killed_idle": float(series["killed"].sum()),
        "recycled": 0.0,
        "restarted": 0.0,
        "crashed": 0.0,
        "process_s": float(series["total"].sum()),
        "busy_s": float(series["busy"].sum()),
        "peak_total": float(series["total"].max(initial=0.0)),
    }
    busy_line = "server seems busy, (you may need to increase StartServers, or Min/MaxSpareServers)"
    busy_line += ", spawning 8 children, there are {} idle"
    seconds = enumerate((92.0, 93.1, 452.7))
    messages = tuple(LogLine(t, "AH00162", "info", busy_line.format(n)) for n, t in seconds)
    reached = LogLine(94.2, "AH00161", "error", "server reached MaxRequestWorkers setting")
    return Run(
        label=label,
        origin="simulated",
        pool=pool,
        duration_s=float(length),
        series=series,
        ticks={},
        wait=wait,
        response=histogram(responses + waits),
        totals=totals,
        messages=(*messages, reached),
        engine="plain",
        assumptions=("a request holds its worker for the logged duration",),
    )


def _settings(conf: str) -> dict[str, Value]:
    raised = Change(3, 6, "", "MaxSpareServers must be above MinSpareServers")
    cut = Change(400, 150, "AH00180", "MaxRequestWorkers of 400 exceeds ServerLimit value of 150")
    default = Where(note="compiled-in default of httpd 2.4")
    values = (
        Value("StartServers", 5, "processes", Where(conf, 8)),
        Value("MinSpareServers", 5, "processes", Where(conf, 9)),
        Value("MaxSpareServers", 6, "processes", Where(conf, 10), (raised,)),
        Value("MaxRequestWorkers", 150, "requests", Where(conf, 11), (cut,)),
        Value("ServerLimit", 150, "processes", Where(conf, 12)),
        Value("MaxConnectionsPerChild", 0, "connections", default),
        Value("ListenBacklog", 511, "connections", default),
    )
    return {value.name: value for value in values}


def sample_site(root: str = "/etc/apache2/apache2.conf") -> Site:
    """A Debian-like prefork site: one embedded, one delegated and one proxied application."""
    mpm = "/etc/apache2/mods-enabled/mpm_prefork.load"
    host = "/etc/apache2/sites-enabled/shop.conf"
    embedded = Application(
        "/",
        "/srv/shop/wsgi.py",
        "*:80 shop.example",
        "embedded",
        "",
        "%{RESOURCE}",
        False,
        "no WSGIProcessGroup applies here",
        Where(host, 12),
    )
    daemon = Application(
        "/api",
        "/srv/api/wsgi.py",
        "*:80 shop.example",
        "daemon",
        "api",
        "%{GLOBAL}",
        True,
        f"WSGIProcessGroup api at {host}:15",
        Where(host, 14),
        multiprocess=True,
        multithread=True,
    )
    proxied = Application(
        "/live",
        "http://127.0.0.1:9000/",
        "main server",
        "proxied",
        "",
        "",
        False,
        "ProxyPass",
        Where(host, 20),
    )
    section = Inactive(
        Where("/etc/apache2/apache2.conf", 60),
        "<IfModule mpm_worker_module>",
        "mpm_worker_module is not loaded",
        ("MaxRequestWorkers 400", "ThreadsPerChild 25"),
    )
    return Site(
        root=root,
        httpd_version="2.4.71",
        mpm="prefork",
        mpm_where=Where(mpm, 1),
        values=_settings("/etc/apache2/mods-enabled/mpm_prefork.conf"),
        modules=(Module("wsgi_module", "mod_wsgi.so", Where(mpm, 1)),),
        applications=(embedded, daemon, proxied),
        daemon_groups=(
            DaemonGroup("api", 2, 15, True, {"processes": "2", "threads": "15"}, Where(host, 13), True),
            DaemonGroup("old", 4, 5, True, {"processes": "4"}, Where(host, 16), False),
        ),
        hosts=(Host("main server", {"KeepAlive": Value("KeepAlive", True)}, Where(root, 1)),),
        logs=(LogFormat("/var/log/apache2/access.log", "combined", "%h %l", Where(root, 90)),),
        front="nginx (RemoteIPHeader X-Forwarded-For)",
        inactive=(section,),
        notes=(Note("warning", Where(host, 30), "KeepAliveTimeout 15 holds a process for 15 s"),),
        files=(root, host),
    )


def sample_advice(length: int = 900) -> Advice:
    """Advice with two changes for the sample site, and the runs before and after."""
    values = sample_site().values
    why = "Every lull below ten idle processes kills what the next burst has to start again."
    return Advice(
        pool=ADVISED,
        changes=(
            Recommendation("StartServers", values["StartServers"], 40, "The morning needs 40 at once."),
            Recommendation(
                "MaxSpareServers",
                values["MaxSpareServers"],
                70,
                why,
                "Each burst starts dozens of processes and each start costs 1.5 s of CPU.",
            ),
            Recommendation("ServerLimit", values["ServerLimit"], 90, "Bounds the worst case in memory."),
        ),
        before=sample_run(TODAY, length),
        after=sample_run(ADVISED, length, "advice"),
        target=Target(),
        met=True,
        remarks=("KeepAlive was left alone: the log does not show connections.",),
    )


GROUP = Pool("shop", "mod_wsgi_daemon", 5, 2, 0, 0, 2, 2, 10)


def sample_chain(length: int = 120, label: str = "today") -> Run:
    """A front with a daemon group that is full for a while; the processor, connections and lost clients."""
    front, group = sample_run(EVENT, length, label), sample_run(GROUP, length, "shop", peak=20.0)
    hump = np.sin(np.linspace(0, np.pi, length)) if length else np.zeros(0)
    extra = {
        "cpu_cores": 1.9 * hump,
        "idle_connections": np.round(40 * hump),
        "loading": np.round(2 * hump),
        "gave_up": np.where(hump > 0.95, 3.0, 0.0),
        "failed": np.zeros(length),
    }
    lost = {"gave_up": float(extra["gave_up"].sum()), "failed": 0.0, "retried": 7.0, "imports": 12.0}
    return replace(
        front,
        series={**front.series, **extra},
        totals={**front.totals, **lost},
        details={"cores": 2, "front_wait": histogram(np.zeros(10))},
        stages=(group,),
    )
