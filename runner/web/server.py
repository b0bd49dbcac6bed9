"""The HTTP server of the page. It has no route that changes anything, and sends no browser anywhere else.

What it serves is fixed when it starts. On a loopback address it answers only who calls it by one, so that no page of
somebody else's can look through the browser of this machine.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from importlib.resources import files
from ipaddress import ip_address

from aiohttp import web
from attrs import define, field

from runner.bus.links.socket_address import SocketAddress
from runner.web.view import machines
from runner.web.watcher import Watcher

KINDS = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}

MOST_BROWSERS = 64
KEEP_ALIVE_S = 10.0
"""How often something is sent when nothing is new, so that both ends notice a connection that is dead."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def packaged(folder: str) -> dict[str, tuple[str, bytes]]:
    """The files of a folder of this package with their kinds, by name."""
    found = {each.name: each for each in (files("runner.web") / folder).iterdir()}
    return {
        name: (KINDS[name[name.rindex(".") :]], each.read_bytes())
        for name, each in found.items()
        if name[name.rfind(".") :] in KINDS
    }


@define(eq=False)
class PageServer:
    """Serves the page of one watcher."""

    watcher: Watcher
    address: SocketAddress
    _browsers: int = 0
    _stopping: asyncio.Event = field(factory=asyncio.Event)

    def app(self) -> web.Application:
        """The web application."""
        app = web.Application(middlewares=[self._strictly])
        assets, pictures = packaged("assets"), packaged("pictures")
        app.router.add_get("/", _fixed(*assets.pop("index.html")))
        for name, content in assets.items():
            app.router.add_get(f"/{name}", _fixed(*content))
        for name, content in pictures.items():
            app.router.add_get(f"/pictures/{name}", _fixed(*content))
        app.router.add_get("/machines.json", _fixed("application/json", json.dumps(machines()).encode()))
        app.router.add_get("/view.json", self._view)
        app.router.add_get("/events", self._events, allow_head=False)
        app.on_shutdown.append(self._shut_down)
        return app

    @web.middleware
    async def _strictly(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if not self._is_called_by_its_name(request.host):
                raise web.HTTPMisdirectedRequest(text="this page is served to who calls it by its address\n")
            response = await handler(request)
        except web.HTTPException as refused:
            refused.headers.update(HEADERS)
            raise
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    def _is_called_by_its_name(self, host: str) -> bool:
        if not ip_address(self.address.host).is_loopback:
            return True
        name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
        try:
            return name == "localhost" or ip_address(name.strip("[]")).is_loopback
        except ValueError:
            return False

    async def _view(self, request: web.Request) -> web.Response:
        return web.json_response(self.watcher.now(request.query.get("scope")))

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: the view whenever it is new."""
        if self._browsers >= MOST_BROWSERS:
            raise web.HTTPServiceUnavailable(text="too many browsers look already\n")
        response = web.StreamResponse(headers=HEADERS | {"Content-Type": "text/event-stream"})
        self._browsers += 1
        try:
            await response.prepare(request)
            version = -1
            while not self._stopping.is_set():
                newer = await self.watcher.newer(version, KEEP_ALIVE_S)
                told = json.dumps(self.watcher.now(request.query.get("scope")))
                await response.write(b": alive\n\n" if newer == version else f"data: {told}\n\n".encode())
                version = newer
        except ConnectionResetError:
            pass  # The browser has gone.
        finally:
            self._browsers -= 1
        return response

    async def _shut_down(self, _app: web.Application) -> None:
        self._stopping.set()


def _fixed(kind: str, body: bytes) -> Handler:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type=kind, charset="utf-8")

    return answer
