"""A site as it really is: settings in force with their origins, sizes, memory, applications, topology."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from poolwise.model import App, Application, Change, Pool, Setting, Site, Value, Where
from poolwise.report.measures import pool_values
from poolwise.report.quantities import count, size
from poolwise.report.sizes import Size, daemon_memory, embedded, sizes
from poolwise.report.topology import topology


def show_text(site: Site, pool: Pool, app: App) -> str:
    """The whole site in plain text; ``app`` says what the application costs in memory."""
    parts = (
        _head(site),
        _settings(site),
        _sizes(site, pool, app),
        _applications(site),
        ["How a request travels", "", *(f"  {line}".rstrip() for line in topology(site, pool))],
        _notes(site),
        _inactive(site),
    )
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _head(site: Site) -> list[str]:
    return [f"{site.root}", f"httpd {site.httpd_version}, MPM {site.mpm} ({site.mpm_where})"]


def setting_text(value: Setting) -> str:
    """A setting as it stands in a configuration: ``On``, ``Off``, ``150``."""
    if isinstance(value, bool):
        return "On" if value else "Off"
    return "not set" if value is None else str(value)


def change_text(change: Change) -> str:
    """What httpd did to a setting, and whether it said so."""
    asked, became = setting_text(change.asked), setting_text(change.became)
    said = f"became {became} ({change.message_id})" if change.message_id else f"silently became {became}"
    return f"asked for {asked}, {said}: {change.text}"


def _settings(site: Site) -> list[str]:
    values = list(site.values.values())
    if not values:
        return []
    name = max(len(value.name) for value in values)
    number = max(len(_in_force(value)) for value in values)
    lines = ["Settings in force", ""]
    for value in values:
        lines.append(f"  {value.name.ljust(name)}  {_in_force(value).ljust(number)}  {value.where}".rstrip())
        lines += [f"  {'':{name}}  ↳ {change_text(change)}" for change in value.changes]
    return lines


_SINGULAR = {
    "processes": "process",
    "threads": "thread",
    "connections": "connection",
    "requests": "request",
    "cores": "core",
}


def _in_force(value: Value) -> str:
    unit = "" if value.value is None else value.unit
    if value.value == 1:
        unit = _SINGULAR.get(unit, unit)
    return f"{setting_text(value.value)} {unit}".rstrip()


def _sizes(site: Site, pool: Pool, app: App) -> list[str]:
    rows = [_size_row(each) for each in sizes(site, pool, app)]
    head = ("", "processes", "threads", "memory")
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(4)]
    lines = ["Processes, threads and memory", ""]
    for row in [(*head, ""), *rows]:
        cells = [row[0].ljust(widths[0]), *(row[i].rjust(widths[i]) for i in (1, 2, 3)), row[4]]
        lines.append(f"  {'  '.join(cells)}".rstrip())
    return [*lines, "", *(f"  {line}" for line in memory_words(site, app))]


def _size_row(each: Size) -> tuple[str, str, str, str, str]:
    threads = each.processes * each.threads
    name = {"start": "at start", "worst": "worst case"}.get(each.name, each.name)
    return (name, count(each.processes), count(threads), size(each.memory_bytes), each.when)


def memory_words(site: Site, app: App) -> list[str]:
    """What the memory figures contain and what they assume."""
    each = f"{size(app.process_bytes)} a process, {size(app.thread_bytes)} a thread"
    name = "the application" if app.name == App().name else app.name
    lines = [f"Memory assumes that {name} costs {each}, {size(app.shared_bytes)} shared."]
    if not site.applications:
        lines.append("No WSGI application was seen: every httpd process is taken to carry one.")
    elif not embedded(site):
        lines.append("Only the applications' own processes are counted: httpd's carry none of them.")
    if daemon_memory(site, app):
        lines.append(f"Daemon groups take {size(daemon_memory(site, app))} of it, at every size.")
    return lines


def _applications(site: Site) -> list[str]:
    if not site.applications:
        return []
    lines = ["Applications"]
    for app in site.applications:
        lines += ["", f"  {app.mount} → {app.script}   {app.host}   {app.where}"]
        lines += [f"    {line}" for line in _application_lines(app)]
    unused = [group for group in site.daemon_groups if not group.selected]
    for group in unused:
        lines += ["", f"  daemon group {group.name} is declared but nothing runs in it   {group.where}"]
    return lines


def _application_lines(app: Application) -> list[str]:
    place = f"in daemon group {app.process_group}" if app.runs == "daemon" else app.runs
    lines = [f"runs {place}: {app.reason}" if app.reason else f"runs {place}"]
    if app.runs == "proxied":
        return lines
    lines.append(f"wsgi.multiprocess {app.multiprocess}   wsgi.multithread {app.multithread}")
    when = "when the process starts" if app.eager else "at the first request that each process gets"
    lines.append(f"application group {app.application_group}, loaded {when}")
    return lines


def _notes(site: Site) -> list[str]:
    return ["Notes", "", *(f"  {note}" for note in site.notes)] if site.notes else []


def _inactive(site: Site) -> list[str]:
    if not site.inactive:
        return []
    lines = ["Sections that httpd skips"]
    for section in site.inactive:
        lines += ["", f"  {section.where}  {section.section}: {section.reason}"]
        lines += [f"      {directive}" for directive in section.directives]
    return lines


def show_json(site: Site, pool: Pool, app: App) -> str:
    """The same as JSON with sorted keys, ``"schema": "poolwise.show/1"``.

    ``settings``: by directive, ``value unit asked where changes``. ``sizes``: the five sizes with
    ``processes threads workers memory_bytes when``. ``applications daemon_groups hosts modules logs notes
    inactive files``: lists as in the configuration. Every ``where`` has ``file line note``.
    """
    document: dict[str, Any] = {
        "schema": "poolwise.show/1",
        "root": site.root,
        "httpd_version": site.httpd_version,
        "mpm": site.mpm,
        "mpm_where": asdict(site.mpm_where),
        "front": site.front,
        "files": list(site.files),
        "settings": {name: _value(value) for name, value in site.values.items()},
        "pool": pool_values(pool),
        "app": asdict(app),
        "sizes": {each.name: {**asdict(each), "workers": each.workers} for each in sizes(site, pool, app)},
        "hosts": [_host(host.name, host.where, host.values) for host in site.hosts],
    }
    for name in ("applications", "modules", "logs", "notes", "inactive"):
        document[name] = [asdict(item) for item in getattr(site, name)]
    document["daemon_groups"] = [_plain(asdict(group)) for group in site.daemon_groups]
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _value(value: Value) -> dict[str, Any]:
    changes = [{**asdict(change), "silent": change.silent} for change in value.changes]
    return {
        "value": value.value,
        "unit": value.unit,
        "asked": value.asked,
        "where": asdict(value.where),
        "changes": changes,
    }


def _host(name: str, where: Where, values: Any) -> dict[str, Any]:
    return {"name": name, "where": asdict(where), "values": {key: _value(v) for key, v in values.items()}}


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {**values, "options": dict(values["options"])}
