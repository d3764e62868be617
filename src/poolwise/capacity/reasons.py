"""Why each directive should change, in plain words with the numbers of the two runs."""

from __future__ import annotations

from collections.abc import Mapping

from poolwise.capacity.search import Trial
from poolwise.model import App, Machine, Pool, Recommendation, Run, Value

SPARES = {"prefork": ("MinSpareServers", "MaxSpareServers"), "": ("MinSpareThreads", "MaxSpareThreads")}


def recommendations(
    today: Trial, best: Trial, values: Mapping[str, Value], demand: Run, app: App
) -> tuple[Recommendation, ...]:
    """One recommendation for each directive that differs between the two pools, in Apache's usual order."""
    if best is today:
        return ()
    before, after = settings(today.pool), settings(best.pool)
    words = {
        "StartServers": _start,
        "MinSpareServers": _min_spare,
        "MinSpareThreads": _min_spare,
        "MaxSpareServers": _max_spare,
        "MaxSpareThreads": _max_spare,
        "ServerLimit": _server_limit,
        "MaxRequestWorkers": _limit,
        "MaxConnectionsPerChild": _recycling,
    }
    changes = []
    for name, value in after.items():
        if value != before[name] and (name != "ServerLimit" or value > before[name]):
            reason, without = words[name](today, best, demand, app)
            changes.append(Recommendation(name, values.get(name), value, reason, without))
    return tuple(changes)


def settings(pool: Pool) -> dict[str, int]:
    """The directives that say what ``pool`` is."""
    low, high = SPARES["prefork" if pool.architecture == "prefork" else ""]
    return {
        "StartServers": pool.start,
        low: pool.min_spare,
        high: pool.max_spare,
        "ServerLimit": pool.server_limit,
        "MaxRequestWorkers": pool.process_limit * pool.threads,
        "MaxConnectionsPerChild": pool.max_connections_per_child,
    }


def remarks(today: Trial, best: Trial, demand: Run, app: App, machine: Machine) -> tuple[str, ...]:
    """What was left alone, and what is not known."""
    said = []
    if best is today:
        said.append("Today's settings keep the target, and no other setting saves 3 % of memory and churn.")
    if best.pool.process_limit == today.pool.process_limit:
        said.append(
            f"MaxRequestWorkers was left alone: the load would fill at most "
            f"{int(demand.series['busy'].max())} workers at once."
        )
    if today.pool.threads > 1:
        said.append("ThreadsPerChild was left alone: it is a choice about the application, not the pool.")
    worst = app.memory_bytes(best.pool.process_limit, best.pool.threads)
    if machine.memory_bytes and worst > machine.memory_bytes:
        said.append(
            f"At the limit of {best.pool.process_limit} processes the pool would need {_size(worst)}, "
            f"more than the machine's {_size(machine.memory_bytes)}."
        )
    known = app.name != App().name
    said.append(
        f"Memory assumes {_size(app.process_bytes)} private to each process"
        + (f", as {app.name} was described." if known else "; 'poolwise measure' finds out yours.")
    )
    said.append(
        "Keep-alive, slow clients, loading at the first request and CPU contention are not simulated: "
        "they hold workers longer than the service times here."
    )
    return tuple(said)


def _start(today: Trial, best: Trial, demand: Run, app: App) -> tuple[str, str]:
    busy = demand.totals["busy_s"] / demand.duration_s
    return (
        f"The pool begins with this many processes after a start and after every graceful restart "
        f"(logrotate does one a day on many systems). The load keeps {busy:.1f} workers busy on average.",
        f"After each graceful restart it begins with {today.pool.initial} and grows by one a second for ten "
        "seconds.",
    )


def _min_spare(today: Trial, best: Trial, demand: Run, app: App) -> tuple[str, str]:
    was, now = today.run, best.run
    if best.pool.min_spare > today.pool.min_spare:
        return (
            f"Apache forks only once fewer than this are idle, at most 1, 2, 4 ... 32 a second. With "
            f"{today.pool.min_spare}, {_share(was)} of the requests waited "
            f"(p95 {_time(was.wait.quantile_s(0.95))}, longest {_time(was.wait.max_s)}); "
            f"with {best.pool.min_spare}, {_share(now)} (p95 {_time(now.wait.quantile_s(0.95))}).",
            "Each rise of the load is met by a queue while the pool doubles its way up.",
        )
    return (
        f"With {_idle(best.pool)} at hand the target is still kept (p95 wait "
        f"{_time(now.wait.quantile_s(0.95))}); {today.pool.min_spare} only keep memory occupied.",
        "More processes than the load needs stay in memory.",
    )


def _max_spare(today: Trial, best: Trial, demand: Run, app: App) -> tuple[str, str]:
    was, now = today.run, best.run
    if best.pool.max_spare > today.pool.max_spare and now.churn_per_hour >= was.churn_per_hour:
        return (
            f"It has to stay above the lower limit of {best.pool.min_spare}: httpd would raise it silently. "
            f"A wider gap was tried and costs more memory than it saves starts ({_churn(now)} an hour).",
            f"httpd itself raises it to {best.pool.min_spare + 1} or more.",
        )
    if best.pool.max_spare > today.pool.max_spare:
        return (
            f"Above this many idle workers Apache kills one process a second, and forks it again at "
            f"the next rise: {_churn(was)} processes created an hour today, "
            f"{_churn(now)} with {best.pool.max_spare}.",
            "Processes are killed while they are warm, and the application is loaded again and again.",
        )
    return (
        f"Fewer idle processes are kept after a peak: {was.mean_total:.0f} processes on average today, "
        f"{now.mean_total:.0f} with the advice, at {_churn(now)} created an hour ({_churn(was)} today).",
        "Memory stays occupied by processes that the load does not come back for.",
    )


def _server_limit(today: Trial, best: Trial, demand: Run, app: App) -> tuple[str, str]:
    return (
        "It caps MaxRequestWorkers, with a single line at start-up. A change needs a full stop and start.",
        f"Apache would lower MaxRequestWorkers to fit ServerLimit {today.pool.server_limit}.",
    )


def _limit(today: Trial, best: Trial, demand: Run, app: App) -> tuple[str, str]:
    busiest = int(demand.series["busy"].max())
    worst = _size(app.memory_bytes(best.pool.process_limit, best.pool.threads))
    if best.pool.process_limit > today.pool.process_limit:
        return (
            f"The load would fill {busiest} workers at its busiest; today's limit is {today.pool.workers}. "
            f"Worst case memory at the new limit: {worst}.",
            f"{int(today.run.totals['refused'])} requests refused, {_share(today.run)} made to wait.",
        )
    return (
        f"The load fills {busiest} workers at its busiest. A lower limit bounds the worst case to {worst}.",
        "A stampede can make more processes than memory holds.",
    )


def _recycling(today: Trial, best: Trial, demand: Run, app: App) -> tuple[str, str]:
    if today.pool.max_connections_per_child < 0:
        return (
            "A negative value makes every threaded child leave as soon as it is up; 0 means never.",
            f"Nothing is served: {int(today.run.totals['unfinished'])} requests still waited at the end.",
        )
    return (
        f"{int(today.run.totals['recycled'])} processes were thrown away after "
        f"{today.pool.max_connections_per_child} connections each; retired ones are not replaced one "
        "for one, so the pool sags and rebounds. At the new value a process lives at least an hour.",
        "The application is loaded again after every few requests, and requests wait while it is.",
    )


def _idle(pool: Pool) -> str:
    return f"{pool.min_spare} idle worker{'s' if pool.min_spare > 1 else ''}"


def _share(run: Run) -> str:
    return f"{100.0 * run.totals['waited'] / max(run.totals['requests'], 1.0):.1f} %"


def _churn(run: Run) -> str:
    return f"{run.churn_per_hour:,.0f}"


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"


def _size(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
