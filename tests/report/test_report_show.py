"""What `show` says about a site."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

from report_samples import APP, TODAY, sample_site

from poolwise.model import App, Value
from poolwise.report import show_json, show_text


def test_settings_with_origin_and_what_httpd_made_of_them() -> None:
    lines = show_text(sample_site(), TODAY, APP).splitlines()
    at = next(i for i, line in enumerate(lines) if "MaxSpareServers" in line)
    assert lines[at].split() == [
        "MaxSpareServers",
        "6",
        "processes",
        "/etc/apache2/mods-enabled/mpm_prefork.conf:10",
    ]
    assert "asked for 3, silently became 6" in lines[at + 1]
    assert any("asked for 400, became 150 (AH00180): MaxRequestWorkers of 400" in line for line in lines)
    assert any(line.split()[:1] == ["ListenBacklog"] and "compiled-in default" in line for line in lines)


def test_version_and_mpm_with_their_origin() -> None:
    text = show_text(sample_site(), TODAY, APP)
    assert "httpd 2.4.71, MPM prefork (/etc/apache2/mods-enabled/mpm_prefork.load:1)" in text


def test_sizes_and_memory() -> None:
    lines = show_text(sample_site(), TODAY, APP).splitlines()
    maximum = next(line for line in lines if line.strip().startswith("maximum"))
    assert maximum.split()[:5] == ["maximum", "150", "150", "12.3", "GB"]
    assert any("shop costs 80 MB a process" in line for line in lines)


def test_where_each_application_runs_and_what_it_sees() -> None:
    text = show_text(sample_site(), TODAY, APP)
    assert "runs embedded: no WSGIProcessGroup applies here" in text
    assert "wsgi.multiprocess True   wsgi.multithread False" in text
    assert "runs in daemon group api" in text
    assert "daemon group old is declared but nothing runs in it" in text


def test_notes_and_dead_branches_come_last() -> None:
    text = show_text(sample_site(), TODAY, APP)
    assert text.index("How a request travels") < text.index("Notes") < text.index("Sections that httpd skips")
    assert "<IfModule mpm_worker_module>: mpm_worker_module is not loaded" in text
    assert text.rstrip().endswith("ThreadsPerChild 25")


def test_a_bare_site_has_no_empty_sections() -> None:
    site = replace(sample_site(), applications=(), daemon_groups=(), notes=(), inactive=(), front="")
    text = show_text(site, TODAY, APP)
    assert "Notes" not in text and "Applications" not in text and "skips" not in text
    assert "every httpd process is taken to carry one" in text


def test_json_is_complete_and_stable() -> None:
    text = show_json(sample_site(), TODAY, APP)
    document = json.loads(text)
    assert text == json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    assert document["schema"] == "poolwise.show/1"
    spare = document["settings"]["MaxSpareServers"]
    assert (spare["asked"], spare["value"], spare["changes"][0]["silent"]) == (3, 6, True)
    assert spare["where"] == {"file": "/etc/apache2/mods-enabled/mpm_prefork.conf", "line": 10, "note": ""}
    assert document["sizes"]["worst"]["processes"] == 150
    assert [app["runs"] for app in document["applications"]] == ["embedded", "daemon", "proxied"]
    assert [group["selected"] for group in document["daemon_groups"]] == [True, False]
    assert document["hosts"][0]["values"]["KeepAlive"]["value"] is True


def test_showing_a_site_imports_nothing_heavy() -> None:
    heavy = ("numpy", "jinja2", "vl_convert")
    program = f"import sys, poolwise.report; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_one_of_something_is_no_plural() -> None:
    values = {"StartServers": Value("StartServers", 1, "processes"), "Other": Value("Other", 2, "processes")}
    text = show_text(replace(sample_site(), values=values), TODAY, App())
    assert "1 process\n" in text and "2 processes" in text
    assert "1 processes" not in text
    assert "Memory assumes that the application costs" in text
