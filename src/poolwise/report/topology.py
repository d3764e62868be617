"""Draws how a request travels: clients, front end, httpd's pool, daemon groups and back ends, as text."""

from __future__ import annotations

from poolwise.model import Application, Pool, Site
from poolwise.report.quantities import plural


def topology(site: Site, pool: Pool) -> list[str]:
    """Lines of the drawing, boxes one below another in the order in which a request meets them."""
    lines = ["clients"]
    if site.front:
        lines += [*_arrow(), *_box("front end", [site.front])]
    backlog = plural(pool.backlog, "connection")
    lines += [*_arrow(f"queue of up to {backlog} (ListenBacklog, unless the kernel allows fewer)")]
    lines += _box(f"Apache httpd {site.httpd_version}, {site.mpm}", _pool_lines(site, pool))
    return lines + _branches(_beyond(site))


def _beyond(site: Site) -> list[list[str]]:
    """What httpd hands requests on to, each with its lines: daemon groups, then back ends."""
    found = []
    for group in (group for group in site.daemon_groups if group.selected):
        size = f"{plural(group.processes, 'process')} × {plural(group.threads, 'thread')}, a fixed pool"
        runs = [
            _mounted(a) for a in site.applications if a.runs == "daemon" and a.process_group == group.name
        ]
        found.append([f"daemon group {group.name}: {size}", *runs])
    back_ends = (app for app in site.applications if app.runs == "proxied")
    return found + [[f"back end {app.script}", _mounted(app)] for app in back_ends]


def _branches(targets: list[list[str]]) -> list[str]:
    lines = []
    for number, (first, *others) in enumerate(targets):
        last = number == len(targets) - 1
        lines += ["   │", f"   {'└' if last else '├'}──▶ {first}"]
        lines += [f"   {' ' if last else '│'}      {other}" for other in others]
    return lines


def _pool_lines(site: Site, pool: Pool) -> list[str]:
    processes = f"{pool.initial} to {plural(pool.maximum, 'process')}"
    size = f"{processes} × {plural(pool.threads, 'thread')} = up to {plural(pool.workers, 'worker')}"
    inside = [_mounted(app) for app in site.applications if app.runs == "embedded"]
    return [size, *inside] if inside or site.applications else [size, "no WSGI application was seen"]


def _mounted(app: Application) -> str:
    host = "" if app.host == "main server" else f"  ({app.host})"
    return f"{app.mount} → {app.script}{host}"


def _arrow(words: str = "") -> list[str]:
    return ["   │", f"   ▼  {words}".rstrip()]


def _box(title: str, lines: list[str]) -> list[str]:
    inner = max(len(title) + 2, *(len(line) for line in lines)) + 2
    top = f"┌─ {title} " + "─" * (inner - len(title) - 3) + "┐"
    return [top, *(f"│ {line.ljust(inner - 2)} │" for line in lines), "└" + "─" * inner + "┘"]
