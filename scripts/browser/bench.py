"""What the tests of the pages share: models, a server, a browser."""

import base64
import contextlib
import io
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from PIL import Image

SIZE = 64
# Seconds that the page may take for what a person waits for; a busy machine is slow.
PATIENCE = 60


class Server:
    """A server of runs, with its address."""

    def __init__(self, program, *arguments):
        self.process = subprocess.Popen(
            [program, "serve", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines = []
        for line in self.process.stdout:
            self.lines.append(line)
            found = re.search(r"http://\S+", line)
            if found:
                self.address = found[0]
                break
        else:
            raise AssertionError("the server did not start: " + "".join(self.lines))
        self.base = re.match(r"http://[^/]+", self.address)[0]
        self.port = int(self.base.rsplit(":", 1)[1])

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


class Bench:
    def __init__(self, program, shots):
        self.program = program
        self.folder = Path(tempfile.mkdtemp(prefix="pix2pix-browser-"))
        self.shots = shots
        if shots:
            shots.mkdir(parents=True, exist_ok=True)

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *arguments):
        """The program's outcome; an error of it fails the test."""
        outcome = subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True)
        assert outcome.returncode == 0, outcome.stderr
        return outcome.stdout

    def train_options(self, *more):
        return ["--size", SIZE, "--ngf", 4, "--ndf", 4, "--no-jitter", *more]

    def make_models(self):
        """Runs of label maps, of edges, and of photographs with holes."""
        self.pairs = self.folder / "pairs"
        self.runs = self.folder / "runs"
        self.run("sample-pairs", "--out", self.pairs, "--count", 12, "--size", SIZE)
        # Label maps and photographs in folders of their own.
        for split in ("train", "val"):
            for side in ("labels", "photos"):
                (self.folder / side / split).mkdir(parents=True)
            for picture in sorted((self.pairs / split).glob("*.png")):
                whole = Image.open(picture).convert("RGB")
                whole.crop((0, 0, SIZE, SIZE)).save(self.folder / "photos" / split / picture.name)
                labels = whole.crop((SIZE, 0, 2 * SIZE, SIZE))
                labels.save(self.folder / "labels" / split / picture.name)
        self.run(
            "train", "--data", self.folder / "labels", "--targets", self.folder / "photos", "--labels", "palette",
            "--out", self.runs / "fronts", "--steps", 30, "--sample-every", 10, *self.train_options())
        for task in ("edges", "inpaint"):
            self.run(
                "train", "--data", self.folder / "photos", "--task", task, "--out", self.runs / task, "--steps", 10,
                *self.train_options())

    def translate(self, model, picture, *more):
        """The bytes that the command line makes of a picture."""
        out = self.folder / "translated.png"
        self.run("translate", "--model", model, "--input", picture, "--out", out, *more)
        return out.read_bytes()

    @contextlib.contextmanager
    def server(self, *arguments):
        server = Server(self.program, *(arguments or (self.runs,)), *([] if "--port" in arguments else ["--port", 0]))
        try:
            yield server
        finally:
            if server.process.poll() is None:
                code = server.stop()
                assert code == 0, f"the server ended with {code}"

    def shot(self, page, name):
        if self.shots:
            page.screenshot(path=self.shots / f"{name}.png", full_page=True)


class Page:
    """A page of the browser, and what it said."""

    def __init__(self, context):
        self.page = context.new_page()
        self.complaints = []
        self.page.on("console", lambda message: self.complaints.append(message.text)
                     if message.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        # Keeps the last picture that came to be shown; that of a download has a recipe.
        self.page.add_init_script("""
            const blob = Response.prototype.blob;
            Response.prototype.blob = async function () {
              const content = await blob.call(this);
              if (this.url.includes('/api/translate') && !this.url.includes('recipe')) window.lastPicture = content;
              return content;
            };""")
        self.page.on("dialog", lambda dialog: (self.complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def shown(self):
        """The bytes of the picture that the page shows."""
        content, size = self.page.evaluate(
            """async () => {
              const { naturalWidth, naturalHeight } = document.getElementById('output');
              return [Array.from(new Uint8Array(await lastPicture.arrayBuffer())), [naturalWidth, naturalHeight]];
            }""")
        content = bytes(content)
        assert list(Image.open(io.BytesIO(content)).size) == size
        return content

    def open_translate(self, server, model=None):
        self.page.goto(server.base + ("/" if model is None else f"/?model={model}"))
        self.settle()

    def choose_model(self, name):
        """Takes another model, whose drawing or first example comes."""
        source = self.page.get_attribute("#output", "src")
        self.page.select_option("#model", name)
        self.page.wait_for_function(
            "(source) => document.getElementById('output').getAttribute('src') !== source", arg=source,
            timeout=PATIENCE * 1000)
        self.settle()

    def settle(self):
        """Waits until the newest drawing is translated."""
        self.page.wait_for_selector("#output[src]", state="attached", timeout=PATIENCE * 1000)
        before = None
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            now = (self.page.get_attribute("#output", "src"), self.page.inner_text("#time"))
            if now == before:
                return
            before = now
            self.page.wait_for_timeout(400)
        raise AssertionError("the page did not come to rest")

    def canvas(self):
        """The drawing as a data URL."""
        return self.page.evaluate("document.getElementById('drawing').toDataURL()")

    def save(self, button, path):
        with self.page.expect_download(timeout=PATIENCE * 1000) as download:
            self.page.click(button)
        download.value.save_as(path)
        return Path(path).read_bytes()

    def drop(self, path, kind="image/png"):
        """Drops a file on the page, and waits until it is opened or refused."""
        data = base64.b64encode(Path(path).read_bytes()).decode()
        with self.page.expect_response(lambda response: "/api/input" in response.url, timeout=PATIENCE * 1000):
            self.page.evaluate(
                """([data, name, kind]) => {
                  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
                  const transfer = new DataTransfer();
                  transfer.items.add(new File([bytes], name, { type: kind }));
                  document.body.dispatchEvent(
                    new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
                }""", [data, Path(path).name, kind])
        self.page.wait_for_function(
            "() => document.getElementById('message').textContent !== 'Opening…'", timeout=PATIENCE * 1000)
        self.page.wait_for_timeout(100)

    def stroke(self, *places):
        """Draws with the mouse through places, each a share of the canvas."""
        drawing = self.page.locator("#drawing")
        # A click further down has scrolled the page, and the mouse reaches only what is in sight.
        drawing.scroll_into_view_if_needed()
        box = drawing.bounding_box()
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
        self.page.mouse.move(*points[0])
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*point, steps=6)
        self.page.mouse.up()

    def message(self):
        return self.page.inner_text("#message")

    def wait_for_message(self, pattern):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if re.search(pattern, self.message()):
                return self.message()
            self.page.wait_for_timeout(100)
        raise AssertionError(f"no message like {pattern}: {self.message()!r}")
