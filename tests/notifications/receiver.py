"""A receiver of events on this machine, in place of a topic in the cloud."""

import json
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Post", "Receiver", "receiving"]

LIMIT_S = 20.0


@dataclass(frozen=True, slots=True)
class Post:
    """``event`` is the one of its body; header names are in lower case."""

    headers: Mapping[str, str]
    event: Mapping[str, Any]

    @property
    def label(self) -> str:
        return f"{self.event['data']['instanceId']} {self.event['data']['runtimeStatus']}"


@dataclass(slots=True)
class Receiver:
    """``posts`` are all that came. ``status_of`` gives the answer to one; it may block."""

    url: str
    status_of: Callable[[Post], int] = lambda post: 200
    posts: list[Post] = field(default_factory=list[Post])
    news: threading.Condition = field(default_factory=threading.Condition)

    def post(self, post: Post) -> int:
        with self.news:
            self.posts.append(post)
            self.news.notify_all()
        return self.status_of(post)

    def labels(self, count: int) -> Sequence[str]:
        """Of the first ``count`` posts, once they are here."""
        with self.news:
            assert self.news.wait_for(lambda: len(self.posts) >= count, LIMIT_S), [post.label for post in self.posts]
            return [post.label for post in self.posts[:count]]


@contextmanager
def receiving(status_of: Callable[[Post], int] = lambda post: 200) -> Generator[Receiver]:
    """``status_of`` must not block any more when the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            (event,) = json.loads(body)
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(receiver.post(Post(headers, event)))
            self.send_header("Content-Length", "0")
            self.send_header("Location", f"{receiver.url}/elsewhere")
            self.end_headers()

        def log_request(self, code: object = "-", size: object = "-") -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}/api/events", status_of)
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            serving.join()
