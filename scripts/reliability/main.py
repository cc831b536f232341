"""The campaigns of scripts/check-reliability."""

import argparse
import importlib
import signal
import sys
import time

import common

# The promises of docs/reliability.md that are tried here, by their numbers, and the modules that try them.
PROMISES = {
    1: "kills", 2: "power_cuts", 3: "failing_disks", 4: "resumes", 10: "memory", 11: "not_finite", 12: "weeks",
    13: "hostile_names", 14: "same_bytes",
}
# Failures that are shown, and how much of each.
SHOWN, WIDTH = 20, 600


def main():
    parser = argparse.ArgumentParser(prog="scripts/check-reliability")
    parser.add_argument("program", help=argparse.SUPPRESS)
    parser.add_argument("promises", metavar="PROMISE", nargs="*", type=int, help="all by default")
    parser.add_argument("--short", action="store_true", help="minutes instead of hours")
    arguments = parser.parse_intermixed_args()
    unknown = [number for number in arguments.promises if number not in PROMISES]
    if unknown:
        parser.error(f"no promise {unknown[0]}; there are {', '.join(map(str, PROMISES))}")
    # A shell starts jobs in the background with SIGINT ignored, nohup with SIGHUP, and the program keeps to that.
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_DFL)
    failed = False
    for number in arguments.promises or PROMISES:
        bench = common.Bench(arguments.program, arguments.short)
        started = time.monotonic()
        try:
            report = importlib.import_module(PROMISES[number]).campaign(bench)
        finally:
            bench.close()
        print(f"{number:2}  {report.what}: tried {report.tries}, failures {len(report.failures)}, "
              f"{time.monotonic() - started:.0f} s", flush=True)
        for failure in report.failures[:SHOWN]:
            print(f"    {failure}"[:WIDTH], flush=True)
        failed = failed or bool(report.failures) or report.tries == 0
    sys.exit(1 if failed else 0)


main()
