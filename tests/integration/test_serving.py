"""Being asked to stop, in the moments in which nobody seems to listen."""

from __future__ import annotations

import signal
import socket
from threading import Thread

import uvicorn

from steadypost.serving import PageServer, StopRequest


async def no_pages(scope: object, receive: object, send: object) -> None:
    raise NotImplementedError


def test_a_signal_before_the_pages_are_up_stops_them_too() -> None:
    stop = StopRequest()
    config = uvicorn.Config(no_pages, lifespan="off", log_config=None)
    server = PageServer(config, stop)
    stop.note(signal.SIGTERM, None)  # while the pages were being put together

    with socket.create_server(("127.0.0.1", 0)) as listener:
        running = Thread(target=server.run, args=[[listener]], daemon=True)
        running.start()
        running.join(timeout=60)
        is_stuck = running.is_alive()
        server.should_exit = True
        running.join(timeout=60)

    assert not is_stuck
