"""A headless Chromium, driven over the pipe that it offers to its parent: its DevTools protocol, no library."""

import json
import os
import select
import shutil
import subprocess
import time
from base64 import b64decode
from itertools import count

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-extensions", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip


class Browser:
    """One page of one browser; what it asks the network for and what its console says is kept."""

    def __init__(self, folder):
        there, self._write = os.pipe()
        self._read, here = os.pipe()
        # the browser reads commands from its descriptor 3 and answers on 4
        words = ["bash", "-c", 'exec 3<&"$1" 4>&"$2"; shift 2; exec "$@"', "-", str(there), str(here), CHROMIUM]
        self._process = subprocess.Popen(
            [*words, *_FLAGS, f"--user-data-dir={folder}", "about:blank"],
            pass_fds=(there, here), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(there)
        os.close(here)
        self._numbers, self._rest, self._session = count(1), b"", None
        self.requests, self.console, self.events = [], [], []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method, **parameters):
        """Give a command and return its answer; what happens meanwhile is kept."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self._happened(answer)

    def _next(self, seconds=120):
        end = time.monotonic() + seconds
        while b"\0" not in self._rest:
            assert select.select([self._read], [], [], max(0, end - time.monotonic()))[0], "Chromium says nothing"
            some = os.read(self._read, 1 << 20)
            assert some, "Chromium has ended"
            self._rest += some
        message, self._rest = self._rest.split(b"\0", 1)
        return json.loads(message)

    def _happened(self, event):
        name, about = event.get("method", ""), event.get("params", {})
        self.events.append(name)
        if name == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"])
        elif name == "Runtime.exceptionThrown":
            self.console.append(about["exceptionDetails"].get("exception", {}).get("description", "an exception"))
        elif name == "Runtime.consoleAPICalled":
            self.console.append(" ".join(str(one.get("value")) for one in about["args"]))
        elif name == "Log.entryAdded":
            self.console.append(about["entry"]["text"])

    def open(self, path, fragment=""):
        """Load a file and wait until its script has run."""
        self.events.clear()
        self.send("Page.navigate", url="about:blank")
        self.send("Page.navigate", url=f"{path.as_uri()}{fragment}")
        end = time.monotonic() + 60
        while not self.run("return document.body && document.body.dataset.ready"):
            assert time.monotonic() < end, self.console
            time.sleep(0.02)

    def run(self, script):
        """Return what a function body returns in the page, promises awaited."""
        asked = self.send(
            "Runtime.evaluate", expression=f"(async () => {{ {script} }})()", awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in asked, asked["exceptionDetails"]
        return asked["result"].get("value")

    def do(self, script):
        """Run what changes the page, and wait until that is seen; return what it returns."""
        waits = "await new Promise((done) => setTimeout(done, 40));"
        return self.run(f"const told = await (async () => {{ {script} }})(); {waits} return told;")

    def press(self, *keys):
        """Press keys one after the other."""
        codes = {"Enter": 13, "Escape": 27, "Home": 36, "End": 35, "Tab": 9,
                 "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}  # fmt: skip
        for key in keys:
            about = {"key": key, "code": key, "windowsVirtualKeyCode": codes[key]}
            text = {"text": "\r"} if key == "Enter" else {}
            self.send("Input.dispatchKeyEvent", type="keyDown", **about, **text)
            self.send("Input.dispatchKeyEvent", type="keyUp", **about)

    def look(self, width, height=900, *, dark=False, media=""):
        """Show the page at a width, in the colours and for the medium that a user has."""
        self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", media=media, features=[scheme])

    def picture(self, path):
        """Write what is seen as a PNG."""
        path.write_bytes(b64decode(self.send("Page.captureScreenshot", format="png")["data"]))

    def pdf(self, path):
        """Write what would be printed."""
        path.write_bytes(b64decode(self.send("Page.printToPDF", preferCSSPageSize=True)["data"]))

    def close(self):
        """End the browser."""
        self._session = None
        try:
            self.send("Browser.close")
        except (AssertionError, OSError):
            self._process.kill()
        self._process.wait(20)
        os.close(self._write)
        os.close(self._read)
