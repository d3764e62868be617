"""LogFormat notation: records written by an independent writer are read back; wrong formats say why."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from logwriter import Request, record

from poolwise.model import InputError
from poolwise.traffic import FORMATS, compile_format, parse_law, read_logs

LAW = parse_law("fixed:0.2")
NOTED = {  # format -> (resolution of the arrival in us, of the duration; 0: not logged)
    **{form: (10**6, 1 if "%D" in form else 0) for form in FORMATS.values()},
    '%h %{%d/%b/%Y %T}t.%{msec_frac}t %{%z}t "%r" %>s %{ms}T': (1000, 1000),
    '%{usec}t %{us}T %u "%r"': (1, 1),
    "%{sec}t.%{usec_frac}t %T %{User-Agent}i": (1, 10**6),
    "%{begin:msec}t %{end:msec}t %D %X": (1000, 1),
    '%{end:usec}t %D "%r"': (1, 1),
    "%{end:%s}t%{end:usec_frac}t %{us}T": (1, 1),
    '%a,%{%Y-%m-%dT%H:%M:%S%z}t,%D,"%r","%{User-Agent}i"': (10**6, 1),
    '{"t":"%{%FT%T}t.%{usec_frac}t","z":"%{%z}t","us":%D,"ua":"%{User-Agent}i"}': (1, 1),
    '%v:%p %h %l %u %t "%m %U%q %H" %!200,304{Referer}i | %400,501{User-Agent}i | %>s %% %D %{s}T': (
        10**6,
        1,
    ),
    "%t %u|%{X}i|%D": (10**6, 1),
}
REQUESTS = st.builds(
    Request,
    begin_us=st.integers(10**15, 4 * 10**15),
    took_us=st.one_of(st.integers(0, 10**10), st.integers(-(10**7), 0)),
    zone_minutes=st.integers(-14 * 60, 14 * 60),
    host=st.sampled_from(["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "host.example.org"]),
    user=st.sampled_from(["-", "bob", "frank lloyd wright", '"', "a\\b", "é"]),
    line=st.binary(max_size=40),
    status=st.sampled_from([200, 304, 400, 408, 501]),
    size=st.integers(0, 10**12),
    referer=st.binary(max_size=30),
    agent=st.binary(max_size=60),
)


@pytest.mark.parametrize("form", NOTED)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(request_=REQUESTS)
@example(request_=Request(10**15, 1, agent=b'"] [10/Oct/2023:13:55:36 -0700] "'))
@example(request_=Request(10**15, 1, line=b"", referer=b"", agent=b""))
def test_what_httpd_writes_is_read_back(form: str, request_: Request, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(record(form, request_) + b"\n")
    time_unit, took_unit = NOTED[form]
    workload = read_logs(log, format=form, service=None if took_unit else LAW)
    assert len(workload) == 1
    assert not [note for note in workload.notes if "does not fit" in note.message]
    assert workload.started_at is not None
    arrival_us = round((workload.started_at + workload.arrivals_s[0]) * 10**6)
    if time_unit == 10**6:
        assert workload.started_at == request_.begin_us // 10**6
        assert workload.arrivals_s[0] == 0.5
    elif "end:" in form and "begin:" not in form:
        assert abs(arrival_us - request_.begin_us - min(request_.took_us, 0)) <= 1  # negative counts as 0
    else:
        assert abs(arrival_us - request_.begin_us // time_unit * time_unit) <= 1
    if took_unit:
        took_s = max(request_.took_us // took_unit * took_unit, 0) / 10**6
        assert workload.service_s[0] == pytest.approx(took_s, abs=1e-9)


@pytest.mark.parametrize("form", NOTED)
@settings(max_examples=30, deadline=None)
@given(request_=REQUESTS, cut=st.floats(0.05, 0.95))
def test_cut_or_foreign_lines_never_raise(form: str, request_: Request, cut: float) -> None:
    compiled = compile_format(form)
    line = record(form, request_)
    assert compiled.fits(line)
    compiled.fits(line[: int(len(line) * cut)])  # whatever it says, it says it
    assert not compiled.fits(b"\0" + line[1:] if form.startswith(("%{", "{")) else b" " + line)


@pytest.mark.parametrize("name", FORMATS)
def test_a_cut_line_does_not_fit_a_built_in_format(name: str) -> None:
    line = record(FORMATS[name], Request(10**15, 1234567, user="bob", size=4321))
    fitting = [end for end in range(len(line)) if compile_format(name).fits(line[:end])]
    # only the last number of a line can lose digits unseen
    assert all(line[end:].isdigit() for end in fitting)


def test_how_a_format_may_be_given() -> None:
    plain = compile_format('%h %t "%r" %D').pattern
    for text in (
        '%h %t \\"%r\\" %D',
        'LogFormat "%h %t \\"%r\\" %D" timed',
        ' customlog /var/log/a.log "%h %t \\"%r\\" %D" env=!x',
        '%h %t "%r" %D\n',
    ):
        assert compile_format(text).pattern == plain


def test_names_are_looked_up() -> None:
    assert compile_format("combined").pattern == compile_format(FORMATS["combined"]).pattern


@pytest.mark.parametrize(
    ("form", "duration", "unit_s", "resolution_s", "moment"),
    [
        ("%t %T %D", 2, 1e-6, 1, "begin"),
        ("%t %D %T", 1, 1e-6, 1, "begin"),
        ("%t %T %{ms}T", 2, 1e-3, 1, "begin"),
        ("%T %t %{msec_frac}t", 0, 1, 1e-3, "begin"),
        ("%{msec}t", None, 0, 1e-3, "begin"),
        ("%{end}t %D", 1, 1e-6, 1, "end"),
        ("%{end:sec}t %{begin:sec}t", None, 0, 1, "begin"),
        ("%t %{end:usec_frac}t", None, 0, 1, "begin"),
    ],
)
def test_the_best_columns_are_chosen(
    form: str, duration: int | None, unit_s: float, resolution_s: float, moment: str
) -> None:
    compiled = compile_format(form)
    assert compiled.duration == duration
    assert duration is None or compiled.captures[duration].unit_s == unit_s
    assert compiled.resolution_s == resolution_s
    assert compiled.moment == moment


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("combinde", "neither a LogFormat nor one of the names vhost_combined_d"),
        ("", "neither a LogFormat"),
        ("%h %D", "does not say when a request came"),
        ("%{Referer}i -> %U", "does not say when"),
        ("%{%H:%M}t %D", "does not say when"),
        ("%{usec_frac}t %D", "does not say when"),
        ("%t %Z", "httpd has no directive '%Z'"),
        ("%t %", "is cut"),
        ("%t %{Referer", "httpd has no directive '%{'"),
        ("%t %i", "%i needs a name in braces"),
        ("%t %{min}T", "the unit is one of s, ms, us"),
        ("%{%Q}t", "%Q in %{%Q}t is not a time conversion"),
        ("%t\\n%D", "a record of several lines"),
    ],
)
def test_wrong_formats_say_what_is_wrong(form: str, said: str) -> None:
    with pytest.raises(InputError) as error:
        compile_format(form)
    assert said in str(error.value)


@pytest.mark.parametrize(
    "form", ["%h:%v:%a:%m:%U:%q:%f:%{a}i:%{b}i:%t", '%h %u "%r" %{a}i %{b}i %{c}i %{d}i %t']
)
@pytest.mark.parametrize(
    "filler", [b":", b" ", b"a ", b"\\", b'"', b'\\"', b": ", b"[10/Oct/2023:13:55:36 -0700]"]
)
def test_hostile_lines_take_linear_time(form: str, filler: bytes) -> None:
    compiled = compile_format(form)
    start = time.process_time()
    assert not compiled.fits(filler * (500_000 // len(filler)) + b"!")
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("request_line", "mount"),
    [
        ("GET /api HTTP/1.1", b"/api"),
        ("GET /api/v1?x=1 HTTP/1.1", b"/api"),
        ("POST /api?x=1 HTTP/1.1", b"/api"),
        ("GET /apis HTTP/1.1", b"/"),
        ("GET / HTTP/1.1", b"/"),
        ("GET /old/a%20b HTTP/2.0", b"/old"),
        ("OPTIONS * HTTP/1.0", b""),
        ("-", b""),
        ('\\x16\\x03 \\"/api', b""),
        ("GET http://shop.example/api HTTP/1.1", b""),
    ],
)
def test_the_mount_that_a_request_is_under(request_line: str, mount: bytes) -> None:
    compiled = compile_format("common", ("/old", "/api", "/"))
    line = f'1.2.3.4 - - [10/Oct/2026:13:55:36 +0000] "{request_line}" 200 12'.encode()
    match = compiled.pattern.match(line)
    assert match is not None and compiled.mount is not None
    assert (match[compiled.mount + 1] or b"") == mount
    assert compiled.fits(line) and compile_format("common").fits(line)


def test_a_path_of_its_own_and_a_format_without_any() -> None:
    compiled = compile_format("%t %m %U%q %D", ("/api", "/"))
    assert compiled.mount == 1
    line = b"[10/Oct/2026:13:55:36 +0000] GET /api/v1?x=1 1200"
    assert compiled.pattern.findall(line)[0][1] == b"/api"
    assert compiled.pattern.findall(line)[0][compiled.duration or 0] == b"1200"
    assert compile_format("%t %D", ("/api",)).mount is None
    assert compile_format("common").mount is None
