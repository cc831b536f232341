"""What benchmarks/measure-serve measures."""

import argparse
import csv
import http.client
import re
import statistics
import subprocess
import time

from bench import Bench, Server
from playwright.sync_api import sync_playwright

TRANSLATIONS = 40


def translation(bench):
    """Milliseconds of a 256 x 256 translation: the command line's mean over a folder, and through the API."""
    pairs, run = bench.folder / "pairs256", bench.folder / "run256"
    bench.run("sample-pairs", "--out", pairs, "--count", TRANSLATIONS + 4, "--size", 256)
    bench.run("train", "--data", pairs, "--out", run, "--size", 256, "--steps", 1, "--validate-every", 0)
    pictures = sorted((pairs / "train").glob("*.png"))[:TRANSLATIONS]
    server = Server(bench.program, run, "--port", 0)
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        through, inside = [], []
        for number, picture in enumerate([pictures[0]] * 3 + pictures):
            body = picture.read_bytes()
            started = time.monotonic()
            connection.request("POST", f"/api/translate?model={run.name}", body)
            response = connection.getresponse()
            response.read()
            if number >= 3:
                through.append(1e3 * (time.monotonic() - started))
                inside.append(float(re.search(r"dur=([\d.]+)", response.headers["Server-Timing"])[1]))
            assert response.status == 200
        said = bench.run("translate", "--model", run, "--input", pairs / "train", "--out", bench.folder / "out",
                         "--overwrite")
        alone = float(re.search(r"([\d.]+) ms each", said)[1])
        return alone, statistics.median(inside), statistics.median(through)
    finally:
        server.stop()


def training(bench, rounds, seconds):
    """Milliseconds per step of a training without and with eight open pages, by turns."""
    pairs, runs = bench.folder / "pairs128", bench.folder / "beside"
    run = runs / "run"
    runs.mkdir()
    bench.run("sample-pairs", "--out", pairs, "--count", 100, "--size", 128)
    process = subprocess.Popen(
        [bench.program, "train", "--data", str(pairs), "--out", str(run), "--size", "128", "--ngf", "32", "--ndf", "32",
         "--steps", "1000000", "--validate-every", "0", "--sample-every", "200", "--save-every", "1000"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server = Server(bench.program, runs, "--device", "reference", "--port", 0)
    times = {False: [], True: []}
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            time.sleep(seconds)
            for turn in range(2 * rounds):
                has_pages = turn % 2 == 1
                context = browser.new_context()
                if has_pages:
                    for _ in range(8):
                        context.new_page().goto(server.base + "/train?run=run")
                    # Opening is not what is measured.
                    time.sleep(10)
                before = rows(run)
                time.sleep(seconds)
                new = rows(run)[len(before):]
                context.close()
                times[has_pages].append(statistics.median(float(row["ms_per_step"]) for row in new))
                print(f"{'eight pages' if has_pages else 'no page':12} {times[has_pages][-1]:.2f} ms per step", flush=True)
            browser.close()
    finally:
        process.kill()
        server.stop()
    return statistics.median(times[False]), statistics.median(times[True])


def rows(run):
    with open(run / "losses.csv") as file:
        return list(csv.DictReader(file))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=30)
    arguments = parser.parse_args()
    bench = Bench(arguments.program, None)
    try:
        alone, inside, through = translation(bench)
        print(f"256 x 256: translate {alone:.1f} ms each; in the server {inside:.1f} ms, by HTTP {through:.1f} ms "
              f"({100 * (through / alone - 1):+.1f}%)")
        without, beside = training(bench, arguments.rounds, arguments.seconds)
        print(f"a step of 128 x 128, ngf 32: {without:.2f} ms without a page, {beside:.2f} ms beside eight "
              f"({100 * (beside / without - 1):+.1f}%)")
    finally:
        bench.close()


main()
