"""A real headless Chromium, driven by the DevTools protocol. It can resolve no name: what needs the internet fails."""

import base64
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, Self

import websocket

DEADLINE_S = 30.0
PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")

OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)


class Browser:
    """One tab. A context manager: leaving it ends the browser."""

    def __init__(self) -> None:
        assert PROGRAM is not None
        self.profile = Path(tempfile.mkdtemp(prefix="hamgr-chromium-"))
        command = [PROGRAM, *OPTIONS, f"--user-data-dir={self.profile}", "about:blank"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.errors: list[str] = []
        """What the page complained about: exceptions, refused loads, violations of its policy."""
        self.requests: list[str] = []
        self._number = 0
        try:
            self._tab = websocket.create_connection(self._address(), timeout=DEADLINE_S, suppress_origin=True)
            for domain in ("Page", "Runtime", "Log", "Network"):
                self._do(f"{domain}.enable")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(DEADLINE_S)
        shutil.rmtree(self.profile, ignore_errors=True)

    def look(self, width: int, height: int, *, dark: bool = False) -> None:
        """From now on the window is so large, and the person likes it so."""
        self._do(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._do("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, url: str) -> None:
        """Go there."""
        self._do("Page.navigate", url=url)

    def ask(self, expression: str) -> Any:
        """What an expression of JavaScript comes to. It runs beside the page, whose policy does not bind it."""
        answer = self._do("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def until(self, expression: str, what: str = "document.body.innerText") -> None:
        """Wait until an expression is true; fails, with what there is instead, when it does not become so."""
        end = time.monotonic() + DEADLINE_S
        while not self.ask(f"Boolean({expression})"):
            assert time.monotonic() < end, f"not {expression}; there is {self.ask(what)!r}, {self.errors}"
            time.sleep(0.02)

    def until_text(self, selector: str, text: str) -> None:
        """Wait until an element has a text in it."""
        self.until(f"(document.querySelector({selector!r})?.innerText ?? '').includes({text!r})")

    def press(self, selector: str, text: str) -> None:
        """Click the first such element with a text in it."""
        found = f"[...document.querySelectorAll({selector!r})].find((each) => each.innerText.includes({text!r}))"
        self.ask(f"{found}.click()")

    def picture(self, *, whole: bool = True) -> bytes:
        """A PNG of the page."""
        return base64.b64decode(self._do("Page.captureScreenshot", captureBeyondViewport=whole)["data"])

    def _do(self, method: str, **parameters: object) -> dict[str, Any]:
        self._number += 1
        self._tab.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            told = json.loads(self._tab.recv())
            if told.get("id") == self._number:
                assert "error" not in told, told["error"]
                result: dict[str, Any] = told["result"]
                return result
            self._note(told.get("method", ""), told.get("params", {}))

    def _note(self, method: str, told: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(told["exceptionDetails"]))
        elif method == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.errors.append(told["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])

    def _address(self) -> str:
        port_file = self.profile / "DevToolsActivePort"
        end = time.monotonic() + DEADLINE_S
        while not (port_file.exists() and port_file.read_text().count("\n")):
            assert time.monotonic() < end, "Chromium did not start"
            time.sleep(0.02)
        port = port_file.read_text().splitlines()[0]
        while True:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=DEADLINE_S) as answer:
                tabs = [tab for tab in json.load(answer) if tab["type"] == "page"]
            if tabs:
                return str(tabs[0]["webSocketDebuggerUrl"])
            assert time.monotonic() < end, "Chromium opened no tab"
            time.sleep(0.02)
