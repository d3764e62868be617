"""Every rendered variant is accepted by the real programs, and read back it is what the deployment says."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from rendered_sites import deployed, variants, written

from hosting import Hosting
from poolwise.config import load
from poolwise.deploy import Deployment, Hosted, Proxied, Static, configtest, render
from poolwise.deploy.rendering.apache import mpm_sizes
from poolwise.deploy.rendering.apache_wsgi import daemon_options
from poolwise.deploy.rendering.backends import ENVIRONMENT
from poolwise.model import Application, InputError, Site
from poolwise.traffic import compile_format

SYSTEM_PYTHON = "/usr/bin/python3"  # for which Debian's mod_wsgi 4.9.4 is built


@pytest.fixture(params=["of the environment", "of the system"])
def python(request: pytest.FixtureRequest, hosting: Hosting) -> str:
    return hosting.python if request.param == "of the environment" else SYSTEM_PYTHON


def read_back(deployment: Deployment) -> Site:
    """The site that httpd would make of the tree, and whether it is what the deployment says."""
    site = load(f"{deployment.folder}/apache/httpd.conf", httpd_version=deployment.httpd.version).site
    assert [note for note in site.notes if note.severity != "note"] == []
    assert site.mpm == "event"
    sizes = mpm_sizes(deployment)
    wanted = {
        "StartServers": sizes.children,
        "ThreadsPerChild": sizes.threads,
        "ThreadLimit": sizes.threads,
        "MaxRequestWorkers": sizes.children * sizes.threads,
        "MaxConnectionsPerChild": 0,
        "Timeout": deployment.front.timeout_s,
        "MaxKeepAliveRequests": 0 if site.values["KeepAlive"].value else 100,
    }
    assert {name: site.values[name].value for name in wanted} == wanted
    assert [
        value for value in site.values.values() if value.changes
    ] == []  # httpd takes every number as it is
    assert site.number("ServerLimit") > sizes.children
    check_groups(deployment, site)
    for host in {app.host for app in site.applications}:
        check_applications(deployment, [app for app in site.applications if app.host == host])
    for log in site.logs:
        assert compile_format(log.format).resolution_s == 1e-6
        assert compile_format(log.format).duration is not None
    return site


def check_groups(deployment: Deployment, site: Site) -> None:
    daemons = [each for each in deployment.applications if each.backend == "daemon"]
    assert {group.name for group in site.daemon_groups} == {each.name for each in daemons}
    for each in daemons:
        group = next(group for group in site.daemon_groups if group.name == each.name)
        assert (group.processes, group.threads) == (each.processes, each.threads)
        assert group.multiprocess and group.selected
        assert dict(group.options) == daemon_options(deployment, each)
        assert each.options.items() <= group.options.items()


def check_applications(deployment: Deployment, found: list[Application]) -> None:
    """One host: every application at its mount, run as asked for; none hidden behind another."""
    assert {app.mount for app in found} == {each.mount for each in deployment.applications}
    for each in deployment.applications:
        app = next(app for app in found if app.mount == each.mount)
        assert app.runs == ("proxied" if each.backend in Proxied else each.backend)
        if app.runs != "proxied":
            assert app.process_group == (each.name if each.backend == "daemon" else "")
            assert app.application_group == "%{GLOBAL}"
            assert app.eager and app.multiprocess


def test_every_variant_passes_the_real_programs_and_is_read_back(site_folder: Path, python: str) -> None:
    for name, deployment in variants(site_folder, python).items():
        folder = written(deployment)
        accepted, said = configtest(
            deployment.httpd.path,
            folder / "apache/httpd.conf",
            server_root=str(folder),
            environment=ENVIRONMENT,
        )
        assert accepted and said == "Syntax OK", f"{name}: {said}"
        if deployment.nginx:
            command = [
                deployment.nginx.path,
                "-t",
                "-p",
                str(folder),
                "-e",
                "stderr",
                "-c",
                "nginx/nginx.conf",
            ]
            done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
            assert done.returncode == 0, f"{name}: {done.stderr}"
            assert "[warn]" not in done.stderr and "[emerg]" not in done.stderr, done.stderr
        site = read_back(deployment)
        assert {Path(module.path).exists() for module in site.modules} == {True}


def test_only_what_is_used_is_loaded(site_folder: Path, hosting: Hosting) -> None:
    plain = deployed(site_folder, hosting.python)
    loaded = {module.name for module in load_tree(plain).modules if module.where.line}
    assert loaded == {"mpm_event_module", "authz_core_module", "reqtimeout_module", "wsgi_module"}
    bare = replace(plain, httpd=replace(plain.httpd, built_in=frozenset({"core.c", "mod_so.c"})))
    lines = render(bare)[0].text.splitlines()
    assert (
        sum("LoadModule unixd_module" in line or "LoadModule log_config_module" in line for line in lines)
        == 2
    )


def load_tree(deployment: Deployment) -> Site:
    written(deployment)
    return read_back(deployment)


def test_the_longest_path_comes_first_and_static_files_before_applications(
    site_folder: Path, hosting: Hosting
) -> None:
    text = render(variants(site_folder, hosting.python)["several"])[0].text
    places = [text.index(f"WSGIScriptAlias {mount} ") for mount in ("/api/v2", "/api", "/")]
    assert places == sorted(places)
    proxied = render(variants(site_folder / "again", hosting.python)["mixed"])[0].text
    assert proxied.index("ProxyPass /static !") < proxied.index("ProxyPass /uwsgi")


def test_two_generations_share_nothing_that_only_one_can_have(site_folder: Path, hosting: Hosting) -> None:
    first = deployed(site_folder, hosting.python)
    texts = [render(each)[0].text for each in (first, replace(first, generation="b"))]
    only_a, only_b = (
        set(text.splitlines()) - set(other.splitlines()) for text, other in (texts, texts[::-1])
    )
    assert {line.split()[0] for line in only_a} == {"PidFile", "ScoreBoardFile", "WSGISocketPrefix"}
    assert {line.replace("-b", "-a") for line in only_b} == only_a


def test_units_are_rendered_for_a_user_and_accepted(site_folder: Path, hosting: Hosting) -> None:
    mixed = variants(site_folder, hosting.python)["mixed"]
    user = replace(mixed, front=replace(mixed.front, user="daemon", group="daemon"))
    folder = written(user)
    units = sorted((folder / "systemd").glob("*.service"))
    assert len(units) == 4
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, units)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if str(folder) in line or "site" in line]
    assert [line for line in said if "Command poolwise is not executable" not in line] == []
    nobody = replace(mixed, front=replace(mixed.front, user="", group=""))
    assert not any(file.path.startswith("systemd") for file in render(nobody))


@pytest.mark.parametrize(
    ("what", "changes", "said"),
    [
        ("deployment", {"name": "a b"}, "'a b'"),
        ("deployment", {"folder": "/srv/a\nUser root"}, "User root"),
        ("deployment", {"folder": "/srv/../etc"}, "/srv/../etc"),
        ("deployment", {"folder": "/" + "x" * 80}, "too long"),
        ("deployment", {"applications": ()}, "no application"),
        ("deployment", {"generation": "../x"}, "../x"),
        ("front", {"host": "127.0.0.1\nListen 80"}, "Listen 80"),
        ("front", {"names": ("a b",)}, "'a b'"),
        ("front", {"names": ("*.a",)}, "'*.a'"),
        ("front", {"port": 70000}, "70000"),
        ("front", {"status_port": 9000, "port": 9000}, "9000"),
        ("front", {"user": "root"}, "root"),
        ("front", {"user": "www-data\nInclude /etc/passwd"}, "Include"),
        ("front", {"trusted_proxies": ("any",)}, "'any'"),
        ("front", {"static": (Static("/st atic", "/srv"),)}, "/st atic"),
        ("front", {"static": (Static("/static", "srv"),)}, "'srv'"),
        ("front", {"static": (Static("/static", "/srv/${HOME}"),)}, "${HOME}"),
        ("front", {"connections": 0}, "0 connections"),
        ("hosted", {"target": "os; import x"}, "os; import x"),
        ("hosted", {"target": "a:b()"}, "a:b()"),
        ("hosted", {"mount": "/a\" process-group=x"}, "process-group=x"),
        ("hosted", {"name": "httpd"}, "httpd"),
        ("hosted", {"folder": "/srv/a\nb"}, "a\\nb"),
        ("hosted", {"environment": {"A B": "c"}}, "'A B'"),
        ("hosted", {"options": {"request-timeout": "5 user=root"}}, "5 user=root"),
        ("hosted", {"options": {"processes": "5"}}, "processes"),
        ("hosted", {"options": {"no-such": "5"}}, "no-such"),
        ("hosted", {"processes": 0}, "0 processes"),
        ("hosted", {"backend": "uwsgi", "options": {"a=b": "c"}}, "'a=b'"),
        ("hosted", {"backend": "uwsgi", "options": {"print": "$(HOME)"}}, "$(HOME)"),
        ("hosted", {"backend": "granian", "name": "x" * 60}, "too long for a socket"),
    ],
)  # fmt: skip
def test_what_cannot_be_rendered_is_refused_by_name(
    site_folder: Path, hosting: Hosting, what: str, changes: dict[str, object], said: str
) -> None:
    deployment = deployed(site_folder, hosting.python)
    if what == "front":
        deployment = replace(deployment, front=replace(deployment.front, **changes))  # type: ignore[arg-type]
    elif what == "hosted":
        changed = replace(deployment.applications[0], **changes)  # type: ignore[arg-type]
        deployment = replace(deployment, applications=(changed,))
    else:
        deployment = replace(deployment, **changes)  # type: ignore[arg-type]
    with pytest.raises(InputError) as error:
        render(deployment)
    assert said in str(error.value)


def test_an_option_that_only_a_newer_mod_wsgi_has_is_refused(site_folder: Path) -> None:
    options = {"interrupt-timeout": "10"}
    with pytest.raises(InputError, match=r"needs mod_wsgi 6 or newer, this is 4\.9\.4"):
        render(deployed(site_folder, SYSTEM_PYTHON, {"options": options}))


def test_the_same_name_or_path_twice_is_refused(site_folder: Path, hosting: Hosting) -> None:
    twice = deployed(site_folder, hosting.python)
    same = Hosted("shop", "other", "/srv", "/other")
    with pytest.raises(InputError, match="application shop is used twice"):
        render(replace(twice, applications=(*twice.applications, same)))
    with pytest.raises(InputError, match="mount / is used twice"):
        render(replace(twice, applications=(*twice.applications, replace(same, name="other", mount="/"))))
