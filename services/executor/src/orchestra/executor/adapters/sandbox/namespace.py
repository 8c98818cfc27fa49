"""Makes a socket in a command's network namespace, for somebody outside to listen at."""

import fcntl
import os
import socket

from orchestra.executor.adapters.sandbox import kernel

PORT = 3128
_OWNER = 0xB701  # NS_GET_USERNS: the user namespace that a namespace belongs to
_BACKLOG = 64


def listen_in(pid: int, to: socket.socket) -> None:
    """Sends a listening TCP socket of the network that `pid` is in. Raises OSError.

    A process of its own goes there, as the way back may be closed to whoever is not root.
    """
    goer = os.fork()
    if goer == 0:
        status = 1
        try:
            _go_and_listen(pid, to)
            status = 0
        finally:
            os._exit(status)
    _, ended = os.waitpid(goer, 0)
    if ended != 0:
        raise OSError("no way to the command's own network was found")


def _go_and_listen(pid: int, to: socket.socket) -> None:
    network = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    if os.geteuid() != 0:
        kernel.setns(fcntl.ioctl(network, _OWNER))
    kernel.setns(network)
    with socket.socket(socket.AF_INET) as listener:
        # Any address, as its own of the loopback may not be there yet; there are no others.
        listener.bind(("0.0.0.0", PORT))  # noqa: S104
        listener.listen(_BACKLOG)
        socket.send_fds(to, [b"!"], [listener.fileno()])
