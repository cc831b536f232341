"""The tests of scripts/test-browser."""

import argparse
import sys
import time
import traceback
from pathlib import Path

import drawing
import protocol
import watching
from bench import Bench
from playwright.sync_api import sync_playwright

TESTS = {
    "mouse": drawing.with_mouse, "touch": drawing.with_touch, "keys": drawing.with_keys, "files": drawing.with_files,
    "loading": drawing.while_loading, "away": drawing.without_server, "training": watching.a_training, "hostile": watching.hostile_names,
    "report": watching.a_report, "widths": watching.widths, "access": protocol.access, "token": protocol.token,
    "openapi": protocol.described, "stress": protocol.hard_times,
}


def main():
    parser = argparse.ArgumentParser(prog="scripts/test-browser")
    parser.add_argument("program", help=argparse.SUPPRESS)
    parser.add_argument("tests", metavar="TEST", nargs="*", help=f"all by default: {', '.join(TESTS)}")
    parser.add_argument("--shots", metavar="FOLDER", type=Path)
    arguments = parser.parse_intermixed_args()
    unknown = [name for name in arguments.tests if name not in TESTS]
    if unknown:
        parser.error(f"no test {unknown[0]}; there are {', '.join(TESTS)}")
    failed = 0
    bench = Bench(arguments.program, arguments.shots)
    try:
        bench.make_models()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            for name in arguments.tests or TESTS:
                started = time.monotonic()
                try:
                    TESTS[name](bench, browser)
                    outcome = "passed"
                except Exception:  # noqa: BLE001, every failure is shown and counted
                    traceback.print_exc()
                    failed += 1
                    outcome = "FAILED"
                print(f"{name}: {outcome}, {time.monotonic() - started:.0f} s", flush=True)
            browser.close()
    finally:
        bench.close()
    sys.exit(1 if failed else 0)


main()
