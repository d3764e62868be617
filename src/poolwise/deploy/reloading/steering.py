"""Which of two servers on one port gets the new connections.

Sockets that were opened with SO_REUSEPORT on one address form a group, in the order in which they began to
listen, and the kernel asks a program which member gets a connection (socket(7): SO_ATTACH_REUSEPORT_CBPF).
Ours says "the older", "the newer", or "the newer for this one connection of ours, else the older". Any
member's socket will do to attach it; we borrow the running server's (pidfd_getfd(2), Linux 5.6).

A number that no member has, as is left behind when the older one goes, means any member.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from poolwise.model import ServerError
from poolwise.observe import listening_sockets

OLDER, NEWER = 0, 1

PIDFD_GETFD = 438  # the system call's number, on every architecture
ATTACH = 51  # SO_ATTACH_REUSEPORT_CBPF; asm-generic/socket.h
MOST_FILES = 1024  # a server opens what it listens on when it starts, so the numbers are low
WORD, HALF, IF_EQUAL, RETURN = 0x20, 0x28, 0x15, 0x06  # of a classic BPF program; linux/bpf_common.h
NETWORK_HEADER = 0xFFF00000  # SKF_NET_OFF: counted from the start of the packet's IP header; linux/filter.h
#: where an IP header has the last four bytes of the sender's address, and the TCP header after it begins
PLACES = {socket.AF_INET: (12, 20), socket.AF_INET6: (20, 40)}
QUEUED = 24  # of struct tcp_info: tcpi_unacked, for a listening socket the connections not yet accepted

Instruction = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Steering:
    """The listening sockets of a server, borrowed: each one's group is steered through it."""

    sockets: tuple[socket.socket, ...]

    def all_to(self, member: int) -> None:
        """From now on every new connection goes to this member of its group."""
        for each in self.sockets:
            _attach(each, [(RETURN, 0, 0, member)])

    def to_newer(self, ours: socket.socket) -> None:
        """The connection that this bound socket will make goes to the newer, all others to the older."""
        program = _only(ours)
        for each in self.sockets:
            _attach(each, program)

    def strangers(self) -> tuple[str, ...]:
        """The addresses on which other sockets listen already: whom a number means is not known there."""
        names = [each.getsockname()[:2] for each in self.sockets]
        return tuple(f"{host}:{port}" for host, port in names if listening_sockets(host, port) > 1)

    def waiting(self) -> int:
        """The connections that the server has not accepted yet."""
        return sum(_queued(each) for each in self.sockets)


@contextmanager
def steering(pid: int) -> Iterator[Steering | str]:
    """Borrow the sockets that a server's process ``pid`` listens on; in words why not where it cannot be.

    They are given back at the end, so that the port is free when the server has closed them. Raises
    ServerError when they were not opened to be shared: nobody else can listen there then.
    """
    found = _listening(pid)
    if isinstance(found, str):
        yield found
        return
    try:
        _check_shared(found)
        yield _unsteerable(found) or Steering(found)
    finally:
        for each in found:
            each.close()


def _listening(pid: int) -> tuple[socket.socket, ...] | str:
    """Duplicates of the TCP sockets on which a process listens; in words why they cannot be had."""
    found: dict[int, socket.socket] = {}  # by what tells sockets apart: one may stand under several numbers
    try:
        with _process(pid) as process:
            for number in range(MOST_FILES):
                if borrowed := _borrowed(process, number):
                    twin = found.setdefault(os.fstat(borrowed.fileno()).st_ino, borrowed)
                    if twin is not borrowed:
                        borrowed.close()
    except OSError as error:
        for each in found.values():
            each.close()
        return f"the sockets of process {pid} cannot be reached: {_why(error)}"
    return tuple(found.values())


@contextmanager
def _process(pid: int) -> Iterator[int]:
    process = os.pidfd_open(pid)
    try:
        yield process
    finally:
        os.close(process)


def _borrowed(process: int, number: int) -> socket.socket | None:
    """A duplicate of that file when it is a listening socket. OSError when no file may be taken at all."""
    libc = ctypes.CDLL(None, use_errno=True)
    taken = libc.syscall(PIDFD_GETFD, process, number, 0)
    if taken < 0:
        if ctypes.get_errno() == errno.EBADF:
            return None
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    try:
        found = socket.socket(fileno=taken)
    except OSError:  # not a socket
        os.close(taken)
        return None
    if found.family in PLACES and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return found
    found.close()
    return None


def _why(error: OSError) -> str:
    """What the error number of pidfd_getfd(2) means here."""
    if error.errno == errno.EPERM:
        return "the system does not let us (we are not its parent or root, or a container forbids it)"
    if error.errno == errno.ENOSYS:
        return "that needs Linux 5.6"
    return error.strerror or str(error)


def _check_shared(found: Sequence[socket.socket]) -> None:
    if any(not each.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT) for each in found):
        raise ServerError(
            "no second server can listen on the port: it was opened without SO_REUSEPORT (httpd does that "
            "where ListenCoresBucketsRatio is set and the system knows it); stop the server and start it anew"
        )


def _unsteerable(found: Sequence[socket.socket]) -> str:
    """Why these sockets cannot be steered, "" when they can."""
    if not found:
        return "it listens on no TCP port"
    addresses = [each.getsockname() for each in found]
    if len(set(addresses)) < len(addresses):
        return "it has several sockets for one port (ListenCoresBucketsRatio is below the number of cores)"
    return ""


def _only(ours: socket.socket) -> list[Instruction]:
    """The program that tells one connection, by its sender's address and port, from all others."""
    address, port = ours.getsockname()[:2]
    at, header = PLACES[ours.family]
    (last,) = struct.unpack("!I", socket.inet_pton(ours.family, address)[-4:])
    return [
        (WORD, 0, 0, NETWORK_HEADER + at),
        (IF_EQUAL, 0, 3, last),
        (HALF, 0, 0, NETWORK_HEADER + header),
        (IF_EQUAL, 0, 1, port),
        (RETURN, 0, 0, NEWER),
        (RETURN, 0, 0, OLDER),
    ]


def _attach(listener: socket.socket, program: Sequence[Instruction]) -> None:
    """Let the program choose in the socket's group, at once instead of the one before."""
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *each) for each in program))
    described = struct.pack("HP", len(program), ctypes.addressof(code))  # struct sock_fprog
    listener.setsockopt(socket.SOL_SOCKET, ATTACH, described)


def _queued(listener: socket.socket) -> int:
    told = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return int(struct.unpack_from("=I", told, QUEUED)[0])


def bound(host: str) -> socket.socket:
    """A socket of this machine that is going to connect to ``host``, with its port chosen already.

    Raises OSError when the address is not this machine's.
    """
    family, _, _, _, address = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)[0]
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.bind(address)
    except OSError:
        made.close()
        raise
    return made
