"""Trainings in the page: one that is killed and resumed, several beside each other, and the report as a file."""

import json
import shutil
import signal
import subprocess
import time
import urllib.request

from bench import PATIENCE, Page

HOSTILE = "<img src=x onerror=alert(1)>&\"'"


def state(page):
    return page.page.inner_text("#run-state")


def wait_for_state(page, word):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if word in state(page):
            return
        page.page.wait_for_timeout(200)
    raise AssertionError(f"the page never says {word!r}, but: {state(page)!r}")


def a_training(bench, browser):
    folder = bench.folder / "watched"
    folder.mkdir()

    def train(*arguments):
        return subprocess.Popen(
            [bench.program, "train", *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    with bench.server(folder) as server:
        page = Page(browser.new_context())
        page.page.goto(server.base + "/train")
        page.wait_for_message("no run yet")
        run = folder / "run"
        # As many steps as a busy machine cannot do before the page has looked.
        process = train(
            "--data", bench.pairs, "--out", run, "--steps", 1000000, "--save-every", 50, "--sample-every", 50,
            *bench.train_options())
        wait_for_state(page, "Running")
        page.page.wait_for_selector("#lapse-picture[src]", timeout=PATIENCE * 1000)
        page.page.wait_for_selector("#page .chart", timeout=PATIENCE * 1000)
        before = page.page.get_attribute("#lapse-picture", "src")
        page.page.wait_for_function(
            "(before) => document.getElementById('lapse-picture').getAttribute('src') !== before", arg=before,
            timeout=PATIENCE * 1000)
        bench.shot(page.page, "running")
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_for_state(page, "killed")
        bench.shot(page.page, "killed")
        process = train("--resume", "--out", run)
        wait_for_state(page, "resumed")
        process.send_signal(signal.SIGTERM)
        process.wait()
        wait_for_state(page, "Stopped")
        # A divergence cannot be had to order: this is the line that it leaves.
        with open(run / "history.csv", "a") as history:
            history.write("400,1.0,2026-12-01T00:00:00Z,diverged,,,,,,G_L1 became NaN, or infinite\n")
        wait_for_state(page, "Diverged")
        assert "G_L1 became NaN, or infinite" in state(page)
        bench.shot(page.page, "diverged")
        page.page.click("#lapse-play")
        page.page.wait_for_function(
            "() => document.getElementById('lapse-play').textContent === 'Play'", timeout=PATIENCE * 1000)
        # A second run, beside the first.
        bench.run(
            "train", "--data", bench.pairs, "--out", folder / "other", "--steps", 60, "--norm", "instance",
            *bench.train_options())
        page.page.wait_for_selector("#runs tbody tr >> nth=1", timeout=PATIENCE * 1000)
        for box in page.page.locator("#runs input").all():
            box.check()
        page.page.click("#compare")
        page.page.wait_for_selector("#comparison-page .chart")
        assert "norm" in page.page.inner_text("#comparison-page .compared >> nth=0")
        bench.shot(page.page, "compared")
        assert not page.complaints, page.complaints


def hostile_names(bench, browser):
    folder = bench.folder / "hostile"
    folder.mkdir()
    shutil.copytree(bench.runs / "fronts", folder / HOSTILE.replace("/", ""))
    names = bench.folder / "names.txt"
    with bench.server(folder) as server:
        models = json.load(urllib.request.urlopen(server.base + "/api/models"))["models"]
    colour = models[0]["inputs"][0]["classes"][1]["colour"]
    names.write_text(f"{colour} {HOSTILE}\n")
    with bench.server(folder, "--label-names", names) as server:
        page = Page(browser.new_context())
        page.open_translate(server)
        assert HOSTILE in page.page.inner_text(".class >> nth=1")
        assert HOSTILE in page.page.locator("#model option").first.inner_text()
        page.page.goto(server.base + "/train")
        page.page.wait_for_selector("#page .chart")
        assert page.page.inner_text("#run-name") == HOSTILE
        assert HOSTILE in page.page.inner_text("#runs")
        page.page.wait_for_function("() => document.getElementById('lapse-picture').naturalWidth > 0")
        assert page.page.evaluate("[...document.images].every((one) => one.naturalWidth > 0)"), "a strip is missing"
        bench.shot(page.page, "hostile")
        assert not page.complaints, page.complaints


def a_report(bench, browser):
    page = Page(browser.new_context(java_script_enabled=True))
    asked = []
    page.page.on("request", lambda request: asked.append(request.url))
    report = bench.runs / "fronts" / "report.html"
    page.page.goto(f"file://{report}")
    page.page.wait_for_load_state("networkidle")
    asked = [url for url in asked if not url.startswith("data:")]
    assert asked == [f"file://{report}"], asked
    assert page.page.locator(".chart").count() > 2
    bench.shot(page.page, "report")
    assert not page.complaints, page.complaints


def widths(bench, browser):
    shapes = {
        "360": dict(viewport={"width": 360, "height": 740}),
        "768": dict(viewport={"width": 768, "height": 1024}),
        "1920": dict(viewport={"width": 1920, "height": 1080}),
        "dark": dict(viewport={"width": 1280, "height": 900}, color_scheme="dark"),
        # Zooming halves the page's width in its own pixels.
        "zoomed": dict(viewport={"width": 640, "height": 450}, device_scale_factor=2),
    }
    with bench.server() as server:
        for name, shape in shapes.items():
            page = Page(browser.new_context(**shape))
            page.open_translate(server, "fronts")
            check_width(page, name)
            bench.shot(page.page, f"translate-{name}")
            page.page.goto(server.base + "/train?run=fronts")
            page.page.wait_for_selector("#page .chart")
            page.page.wait_for_timeout(300)
            check_width(page, name)
            bench.shot(page.page, f"train-{name}")
            assert not page.complaints, page.complaints
            page.page.context.close()


def check_width(page, name):
    wide = page.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"at {name} the page is {wide} pixels too wide"
