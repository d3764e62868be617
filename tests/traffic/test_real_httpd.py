"""What a real httpd writes under many LogFormats, from hostile requests, read back and compared."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from poolwise.traffic import FORMATS, parse_law, read_logs

pytestmark = pytest.mark.server

HTTPD = shutil.which("apache2", path="/usr/sbin:/usr/local/sbin:/usr/bin") or shutil.which(
    "httpd", path="/usr/sbin:/usr/local/apache2/bin:/usr/bin"
)
TRUTH = '%{usec}t %D "%r"'
TIMED = {  # format -> (microseconds to which times are rounded down, to which durations are)
    FORMATS["combined_d"]: (10**6, 1),
    FORMATS["vhost_combined_d"]: (10**6, 1),
    '%a %{%d/%b/%Y %T}t.%{msec_frac}t %{%z}t "%r" %>s %{ms}T': (1000, 1000),
    "%{sec}t.%{usec_frac}t %T %{User-Agent}i": (1, 10**6),
    "%{begin:msec}t %{end:msec}t %{us}T %X %k %P": (1000, 1),
    '%{end:usec}t %D "%r" "%!200,304{Referer}i"': (1, 1),
    "%{end:%s}t%{end:usec_frac}t %{us}T %{c}a %A %{remote}p": (1, 1),
    '{"t":"%{%Y-%m-%dT%H:%M:%S}t.%{usec_frac}t%{%z}t","us":%D,"ua":"%{User-Agent}i","r":"%r"}': (1, 1),
    '%v:%p %h %l %u %t "%m %U%q %H" %400,501{User-Agent}i | %>s %% %D %f %R': (10**6, 1),
    "%{%c %z}t\\t%B\\t%D\\t%{Host}i\\t%L": (10**6, 1),
    "%{%A %d %B %Y, %I:%M:%S %p %Z}t %^FB %I %O %S %D": (10**6, 1),
}
REQUESTS = [
    b"GET /plain HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b'GET /q?a="b"\\c HTTP/1.1\r\nHost: a\r\n'
    b'User-Agent: o"d\\d [x] | "\r\nReferer: "\\"\r\nConnection: close\r\n\r\n',
    b"GET /tab HTTP/1.1\r\nHost: a\r\nUser-Agent: a\tb\xe9\xff  end\r\nConnection: close\r\n\r\n",
    b"GET /%20%22%0a%5c%00 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"GET /a%20b%22c%5c?%20 HTTP/1.1\r\nHost: a\r\nUser-Agent:\r\nConnection: close\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"GET /old\r\n\r\n",
    b"OPTIONS * HTTP/1.0\r\n\r\n",
    b"PUT /long HTTP/1.1\r\nHost: a\r\nConnection: close\r\nUser-Agent: " + b'\\"' * 3000 + b"\r\n\r\n",
    b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b'GET / HTTP/1.1\r\nHost: "\r\n\r\n',
    b"\r\n\r\n",
]


def configuration(folder: Path, port: int, modules: Path) -> str:
    load = "\n".join(
        f"<IfModule !{name}_module>\nLoadModule {name}_module {modules}/mod_{file}.so\n</IfModule>"
        for name, file in (("mpm_prefork", "mpm_prefork"), ("authz_core", "authz_core"))
    )
    optional = "\n".join(
        f"LoadModule {name}_module {modules}/mod_{name}.so"
        for name in ("log_config", "logio", "unixd")
        if (modules / f"mod_{name}.so").exists()
    )
    quoted = {i: form.replace('"', '\\"') for i, form in enumerate([TRUTH, *TIMED])}
    logs = "\n".join(f'CustomLog {folder}/{i}.log "{form}"' for i, form in quoted.items())
    return f"""ServerRoot {folder}
{load}
{optional}
Listen 127.0.0.1:{port}
ServerName www.example.org
PidFile {folder}/httpd.pid
ErrorLog {folder}/error.log
DocumentRoot {folder}
<Directory "/">
AllowOverride None
</Directory>
User #65534
Group #65534
StartServers 1
MinSpareServers 1
<IfModule logio_module>
LogIOTrackTTFB On
</IfModule>
{logs}
"""


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder with the logs of a real httpd that has answered ``REQUESTS``, twice and one by one."""
    places = ("/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/local/apache2/modules")
    modules = next((Path(each) for each in places if Path(each).is_dir()), None)
    if HTTPD is None or modules is None:
        pytest.skip("needs an installed Apache httpd")
    folder = tmp_path_factory.mktemp("httpd")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "httpd.conf").write_text(configuration(folder, port, modules))
    server = subprocess.Popen(
        [HTTPD, "-f", str(folder / "httpd.conf"), "-DFOREGROUND"],
        start_new_session=True,  # on SIGTERM httpd signals its whole process group
    )
    try:
        for request in [REQUESTS[0], *REQUESTS, *REQUESTS]:
            answer(port, request)
        time.sleep(0.3)  # lines are written after the answer
    finally:
        server.terminate()
        server.wait(20)
    yield folder


def answer(port: int, request: bytes) -> None:
    """Send one request and read to the end; waits for a server that is still starting."""
    for _ in range(100):
        try:
            connection = socket.create_connection(("127.0.0.1", port), timeout=5)
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
    with connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass


@pytest.mark.parametrize("form", TIMED)
def test_every_line_of_a_real_httpd_is_read(form: str, logs: Path) -> None:
    path = logs / f"{[*TIMED].index(form) + 1}.log"
    truth = [line.split(b" ", 2) for line in (logs / "0.log").read_bytes().splitlines()]
    begin_us, took_us = (np.array([int(row[i]) for row in truth]) for i in (0, 1))
    assert len(truth) >= 20
    time_unit, took_unit = TIMED[form]
    workload = read_logs(path, format=form)
    assert [str(note) for note in workload.notes if "does not fit" in note.message] == []
    assert len(workload) == len(truth)
    assert workload.started_at is not None
    arrival_us = (workload.started_at + workload.arrivals_s) * 10**6
    if time_unit == 10**6:
        assert (arrival_us // 10**6).tolist() == (begin_us // 10**6).tolist()
    else:
        rounded = begin_us // time_unit * time_unit
        slack = 2000 if form.startswith("%{end") else 2  # the end is taken anew for every token
        assert np.abs(arrival_us - rounded).max() <= slack
    logged_us = np.round(workload.service_s * 10**6).astype(int)
    assert np.abs(logged_us - took_us // took_unit * took_unit).max() <= max(took_unit, 2000)


def test_the_hostile_requests_were_logged(logs: Path) -> None:
    text = (logs / "0.log").read_bytes()
    assert re.search(rb'"\\x16\\x03\\x01\\x02', text)
    assert b'/q?a=\\"b\\"\\\\c' in text


def test_a_format_found_by_trial_on_a_real_log(logs: Path) -> None:
    workload = read_logs(logs / "1.log")
    assert workload.assumptions[0] == "log format: combined_d (found by trial)"
    assert len(read_logs([logs / "2.log"], service=parse_law("fixed:1"))) == len(workload)
