"""Random servers other than Apache, alone or behind it, for the tests that hold for every architecture."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from poolwise.model import Pool, Topology
from poolwise.servers import PEERS, peer_pool
from sample_pools import prefork, threaded

ALONE = ("prefork", "worker", "event", *(name for name in PEERS if name != "mod_wsgi_daemon"))
BEHIND = tuple(PEERS)

# Every setting that the simulation looks at, with values small enough for something to happen.
SETTINGS: dict[str, dict[str, tuple[float, ...]]] = {
    "gunicorn_sync": {
        "workers": (1, 2, 4), "backlog": (1, 3, 2048), "max_requests": (0, 0, 1, 5),
        "max_requests_jitter": (0, 4), "timeout": (0, 2, 30),
    },
    "gunicorn_gthread": {
        "workers": (1, 2, 3), "threads": (1, 2, 4), "backlog": (1, 3, 2048), "keepalive": (0, 1, 3),
        "max_requests": (0, 0, 1, 5), "max_requests_jitter": (0, 4),
    },
    "uwsgi": {
        "workers": (2, 4, 6), "threads": (1, 1, 3), "listen": (1, 3, 100), "cheaper": (0, 1),
        "cheaper-algo": (0, 1, 2, 3), "cheaper-step": (1, 2), "cheaper-overload": (1, 2, 3),
        "max-requests": (0, 0, 2, 5), "max-requests-delta": (0, 2), "min-worker-lifetime": (0, 3),
        "max-worker-lifetime": (0, 0, 6), "worker-reload-mercy": (0, 2, 60), "harakiri": (0, 0, 2),
        "cheaper-busyness-multiplier": (1, 3), "cheaper-busyness-backlog-alert": (1, 33),
    },
    "unit": {
        "max": (2, 3, 6), "spare": (0, 1, 2), "threads": (1, 2), "idle_timeout": (0, 1, 5),
        "limits.requests": (0, 0, 1, 5), "settings.http.idle_timeout": (0, 1, 180),
    },
    "passenger": {
        "max_pool_size": (2, 3, 6), "min_instances": (0, 1), "pool_idle_time": (0, 1, 5, 300),
        "max_request_queue_size": (0, 1, 4, 100), "max_requests": (0, 0, 1, 5), "thread_count": (1, 2),
    },
    "waitress": {"threads": (1, 2, 4), "backlog": (1, 1024), "channel_timeout": (0, 1, 120)},
    "granian": {
        "workers": (1, 2, 3), "blocking-threads": (1, 2, 4), "http1-keep-alive": (0, 1),
        "workers-lifetime": (0, 0, 60), "respawn-interval": (0, 1, 3.5),
    },
    "mod_wsgi_daemon": {
        "processes": (1, 2, 3), "threads": (1, 2, 4), "listen-backlog": (1, 3, 100),
        "connect-timeout": (0, 1, 15),
        "queue-timeout": (0, 0, 1), "socket-timeout": (0, 0, 2), "request-timeout": (0, 0, 2),
        "maximum-requests": (0, 0, 1, 5), "restart-interval": (0, 0, 4), "inactivity-timeout": (0, 0, 1),
        "graceful-timeout": (0, 1, 15), "shutdown-timeout": (0, 1, 5),
    },
}  # fmt: skip


@st.composite
def peers(draw: st.DrawFn, name: str) -> Pool:
    """A pool of that server with some of its settings changed."""
    asked = {key: draw(st.sampled_from(values)) for key, values in SETTINGS[name].items()}
    version = draw(st.sampled_from(["4.9.4", "6.1.1"])) if name == "mod_wsgi_daemon" else ""
    return peer_pool(name, asked, version, name=name)


@st.composite
def apaches(draw: st.DrawFn, name: str) -> Pool:
    """One of Apache's pools."""
    recycle, start = draw(st.sampled_from([0, 0, 3])), draw(st.integers(1, 4))
    low, gap, limit = draw(st.integers(1, 6)), draw(st.integers(1, 8)), draw(st.integers(2, 6))
    if name == "prefork":
        pool = prefork(start, low, low + gap, limit, recycle, draw(st.sampled_from([2, 511])))
    else:
        threads = draw(st.integers(1, 4))
        pool = threaded(name, start, threads, low, low + gap, limit * threads, limit + 2, recycle)
    return replace(pool, options={"KeepAliveTimeout": draw(st.sampled_from([0.0, 1.0, 5.0]))})


@st.composite
def topologies(draw: st.DrawFn) -> Topology:
    """Any server alone, or one or two groups behind Apache event."""
    if draw(st.booleans()):
        name = draw(st.sampled_from(ALONE))
        return Topology(draw(peers(name) if name in PEERS else apaches(name)))
    groups = [draw(peers(name)) for name in draw(st.lists(st.sampled_from(BEHIND), min_size=1, max_size=2))]
    groups = [replace(group, name=f"{group.name} {place}") for place, group in enumerate(groups)]
    routes = tuple(draw(st.integers(-1, len(groups) - 1)) for _ in range(2))
    return Topology(draw(apaches("event")), tuple(groups), routes)
