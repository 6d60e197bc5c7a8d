"""A web server on this machine that serves files rightly, or with one planned fault for each request."""

import email.utils
import hashlib
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = b"<!DOCTYPE html><html><body>Please log in</body></html>"


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request; all is well where nothing is said.

    Attributes:
        cut: The connection ends after so many bytes of the body.
        status: The server answers this and nothing else.
        retry_after: Seconds, sent with the status.
        page: A web page comes, as such or (`disguised`) as if it were the file.
        stall: So many seconds pass after half of the body.
        trickle: The body comes byte by byte, with so many seconds between them.
        length: Is added to the announced length.
        content: From now on the file is this one.
        keep_tags: It still claims to be the old one.
        shift: Bytes by which the answer to a Range misses it.
    """

    cut: int | None = None
    status: int | None = None
    retry_after: str = ""
    page: bool = False
    disguised: bool = False
    stall: float = 0
    trickle: float = 0
    length: int = 0
    content: bytes | None = None
    keep_tags: bool = False
    shift: int = 0


@dataclass
class Served:
    """One file on the server: its content, the tags it claims, and faults for the next requests, in their order."""

    content: bytes
    faults: list[Fault] = field(default_factory=list)
    always: Fault = field(default_factory=Fault)
    ranges: bool = True
    tags: bool = True
    chunked: bool = False
    tagged_as: bytes | None = None

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.tagged_as or self.content).hexdigest()[:16]}"'


@dataclass
class FaultyServer:
    """The server while it runs.

    Attributes:
        url: Its address, ends in `/`.
        files: What it serves, by path without the first `/`.
        requests: (path, Range, If-Range) of all requests so far; empty texts where absent.
    """

    url: str
    files: dict[str, Served] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)

    def serve(self, path: str, content: bytes, *faults: Fault, **kind: object) -> str:
        """Serve a file; its URL."""
        self.files[path] = Served(content, list(faults), **kind)  # type: ignore[arg-type]
        return self.url + path


@contextmanager
def running() -> Iterator[FaultyServer]:
    """A server on a free port of this machine until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    faulty = FaultyServer(f"http://127.0.0.1:{server.server_port}/")
    server.faulty = faulty  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield faulty
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        faulty: FaultyServer = self.server.faulty  # type: ignore[attr-defined]
        path = self.path.lstrip("/")
        wanted, condition = self.headers.get("Range", ""), self.headers.get("If-Range", "")
        faulty.requests.append((path, wanted, condition))
        if path not in faulty.files:
            return self._plain(404, b"")
        file = faulty.files[path]
        fault = file.faults.pop(0) if file.faults else file.always
        if fault.content is not None:
            file.tagged_as = (file.tagged_as or file.content) if fault.keep_tags else None
            file.content = fault.content
        if fault.status is not None:
            return self._plain(fault.status, b"", fault.retry_after)
        if fault.page:
            return self._plain(200, PAGE)
        self._send(file, fault, wanted, condition)

    def _plain(self, status: int, body: bytes, retry_after: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.wfile.write(body)

    def _send(self, file: Served, fault: Fault, wanted: str, condition: str) -> None:
        content = PAGE if fault.disguised else file.content
        found = re.fullmatch(r"bytes=(\d+)-", wanted)
        start = 0
        if found and file.ranges and condition in ("", file.etag):
            start = int(found[1]) + fault.shift
            if start >= len(content):
                return self._plain(416, b"")
        body = content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content) + fault.length}")
        self.send_header("Content-Type", "application/octet-stream")
        if file.tags:
            self.send_header("ETag", file.etag)
            self.send_header("Last-Modified", email.utils.formatdate(0, usegmt=True))
        if file.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(body) + fault.length))
        self.end_headers()
        self._body(body, file, fault)

    def _body(self, body: bytes, file: Served, fault: Fault) -> None:
        try:
            if fault.stall:
                self.wfile.write(body[: len(body) // 2])
                self.wfile.flush()
                time.sleep(fault.stall)
            elif fault.trickle:
                for byte in body:
                    self.wfile.write(bytes([byte]))
                    self.wfile.flush()
                    time.sleep(fault.trickle)
            else:
                sent = body[: fault.cut]
                self.wfile.write(b"%x\r\n%b\r\n" % (len(sent), sent) if file.chunked else sent)
                if file.chunked and fault.cut is None:
                    self.wfile.write(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass
        if fault != Fault():
            self.close_connection = True
