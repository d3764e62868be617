"""Rolling by the configuration alone: whose server it is, what may be touched, and what is said before."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

import pytest

from apache_by_hand import ByHand, daemons, until
from poolwise.config import Configuration, load
from poolwise.deploy.reloading.foreign import Manner, reload_foreign, suggested_health, when_loaded
from poolwise.deploy.running.health import Health, pause
from poolwise.model import InputError, ServerError
from under_load import Load

OURS = Manner(health=None)


def reload(conf: Path, pid: int = 0, manner: Manner = OURS) -> list[str]:
    said: list[str] = []
    reload_foreign(load(conf), pid, manner, say=said.append, wait=pause)
    return said


@pytest.mark.server
def test_found_by_its_pid_file_tried_and_asked_for_health(by_hand: ByHand) -> None:
    conf = by_hand.configuration()
    with by_hand.running(conf) as server:
        before = daemons(server)
        with Load(by_hand.port, "/") as clients:
            by_hand.application("2")
            said = reload(conf)
        assert not set(before) & set(daemons(server))
    assert clients.failed == []
    assert said[0].startswith("shop: the new code loads (")
    assert [line.endswith("healthy") for line in said[1:]] == [True, True, False]


@pytest.mark.server
def test_new_code_that_does_not_load_touches_nothing(by_hand: ByHand) -> None:
    conf = by_hand.configuration()
    with by_hand.running(conf) as server:
        before = daemons(server)
        by_hand.application("2", extra="import no_such_module")
        with pytest.raises(ServerError, match=r"(?s)shop: no process was touched, as .*no_such_module"):
            reload(conf)
        assert daemons(server) == before


@pytest.mark.server
def test_a_single_process_needs_consent(by_hand: ByHand) -> None:
    conf = by_hand.configuration(options="processes=1 threads=6")
    with by_hand.running(conf, 1) as server:
        until(lambda: len(daemons(server)) == 1)  # Apache's own child has its threads too
        before = daemons(server)
        with pytest.raises(InputError, match=r"requests wait \(about 1 s\).*--accept-gap"):
            reload(conf)
        assert daemons(server) == before
        said = reload(conf, manner=Manner(None, accept_gap=True))
        assert daemons(server) != before
    assert "shop has a single process: requests wait meanwhile (about 1 s)" in said


@pytest.mark.server
def test_what_cannot_be_taken_is_said_before(by_hand: ByHand) -> None:
    conf = by_hand.configuration(eager=False)
    with by_hand.running(conf):
        conf.touch()
        os.utime(conf, (time.time() + 60, time.time() + 60))
        said = reload(conf, manner=Manner(None, ask=False, try_first=False))
    assert any(line.startswith("shop loads at its first request, which waits for that") for line in said)
    assert any(
        line.startswith(f"{conf} is newer than the server: settings are not read now") for line in said
    )
    assert not any("healthy" in line for line in said)


@pytest.mark.server
def test_two_reloads_at_once(by_hand: ByHand) -> None:
    conf = by_hand.configuration()
    with by_hand.running(conf), conf.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(InputError, match=r"another reload by .* runs; wait for its end"):
            reload(conf)


@pytest.mark.server
def test_no_server_there(by_hand: ByHand) -> None:
    conf = by_hand.configuration()
    pid_file = conf.with_suffix(".pid")
    with pytest.raises(InputError, match="does not exist: the server does not run, or give --pid"):
        reload(conf)
    with by_hand.running(conf) as server:
        gone = server
        pid_file.write_text("no number\n")
        with pytest.raises(InputError, match="cannot be read as a process id"):
            reload(conf)
        pid_file.write_text(f"{server}\n")
        os.utime(pid_file, (1, 1))
        with pytest.raises(
            InputError, match=f"is of a server that runs no more: process {server} is younger"
        ):
            reload(conf)
        with pytest.raises(InputError, match="runs 0 groups of daemon processes, the configuration has 1"):
            reload(conf, pid=os.getpid())
    until(lambda: not Path(f"/proc/{gone}").exists())
    pid_file.write_text(f"{gone}\n")
    with pytest.raises(InputError, match=rf"no process {gone} runs \(.*httpd.pid\); the server is down"):
        reload(conf)


@pytest.mark.server
def test_another_users_server(by_hand: ByHand) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user for this")
    conf = by_hand.configuration()
    with by_hand.running(conf) as server:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.setresuid(65534, 65534, 65534)
            try:
                reload(conf, server)
            except BaseException as error:
                os.write(write, f"{type(error).__name__} {error}".encode())
            os._exit(0)
        os.waitpid(child, 0)
        said = os.read(read, 1000).decode()
        os.close(read)
        os.close(write)
    assert said == (
        f"InputError the server (pid {server}) belongs to uid 0: do this as that user, or as root (sudo)"
    )


def read(text: str) -> Configuration:
    return load("httpd.conf", text=text, mpm="event")


EMBEDDED = "WSGIScriptAlias / /srv/shop.wsgi\nPidFile /nowhere\n"
GROUP = "WSGIDaemonProcess shop processes=2\nWSGIScriptAlias /shop /srv/shop.wsgi process-group=shop\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"Listen 8080\n{GROUP}", Health("127.0.0.1", 8080, "/shop")),
        (f"Listen 10.0.0.1:80\n{GROUP}", Health("10.0.0.1", 80, "/shop")),
        (
            f"Listen 443\nListen 80\n<VirtualHost *:443>\nServerName shop.example\n{GROUP}</VirtualHost>",
            Health("127.0.0.1", 443, "/shop", "shop.example", tls=True),
        ),
        (
            f"Listen [::]:81\n<VirtualHost [::]:81>\nServerName shop.example\n{GROUP}</VirtualHost>",
            Health("::1", 81, "/shop", "shop.example"),
        ),
    ],
)
def test_the_health_check_that_a_configuration_suggests(text: str, expected: Health) -> None:
    configuration = read(text)
    assert suggested_health(configuration, list(configuration.site.applications)) == expected


IMPORTED = "WSGIImportScript /srv/shop.wsgi process-group='shop' application-group=%{GLOBAL}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("WSGIScriptAlias / /srv/shop.wsgi process-group=shop\n", "lazy"),
        ("WSGIScriptAlias / /srv/shop.wsgi process-group=shop application-group=%{GLOBAL}\n", "eager"),
        ("WSGIScriptAlias / /srv/shop.wsgi process-group=shop\n" + IMPORTED, "eager"),
        ("WSGIHandlerScript shop /srv/shop.wsgi\n" + IMPORTED, "eager"),
        ("", "lazy"),
    ],
)
def test_when_a_group_loads(text: str, expected: str) -> None:
    configuration = read(f"WSGIDaemonProcess shop\n{text}")
    (group,) = configuration.site.daemon_groups
    assert when_loaded(configuration, group) == expected


def test_nothing_to_exchange() -> None:
    with pytest.raises(InputError, match="has no PidFile; give the server's process id with --pid"):
        reload_foreign(read(GROUP), 0, OURS, say=print, wait=pause)
    with pytest.raises(InputError, match="has no daemon processes to exchange"):
        reload_foreign(read(EMBEDDED), os.getpid(), OURS, say=print, wait=pause)
