"""Promise 12: a run can last for weeks."""

import os
import pathlib
import subprocess
import time

import common
from common import REFERENCE, TINY, Report

# MiB in an hour.
MOST = 1.0

# A page of 4 KiB is 1 MiB an hour in 14 seconds: it takes some minutes until a slope of 1 means anything.
STEPS = {"OpenCL": 200_000, "reference": 80_000}


def sample(number):
    """Memory of the process' own, in KiB, and its descriptors."""
    status = pathlib.Path(f"/proc/{number}/status").read_text(encoding="utf-8")
    memory = int(next(line for line in status.splitlines() if line.startswith("RssAnon")).split()[1])
    return memory, len(os.listdir(f"/proc/{number}/fd"))


def slope(points):
    """The slope of a line through points by least squares."""
    count = len(points)
    mean_x, mean_y = (sum(column) / count for column in zip(*points))
    above = sum((x - mean_x) * (y - mean_y) for x, y in points)
    return above / sum((x - mean_x) ** 2 for x, _ in points)


def watch(bench, device, options):
    """Seconds, memory in KiB and descriptors of a long run, and its steps."""
    steps = 1000 if bench.short else int(os.environ.get("STEPS", STEPS[device]))
    pairs, run = bench.pairs(), bench.new("long")
    command = [
        "train", "--data", pairs, "--validation-data", pairs / "train", *TINY, *options, "--steps", steps, "--keep", 2,
        "--validate-every", 50, "--save-every", 250, "--sample-every", 250, "--out", run]
    found = []
    with open(bench.new("output"), "wb") as output:
        process = subprocess.Popen(
            [bench.program, *map(str, command)], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.DEVNULL,
            env=bench.environment)
        while process.poll() is None:
            # The first step begins when the tables are there; compilers are at work until then.
            if (run / "checkpoints").exists() and common.checkpoints(run):
                try:
                    found.append((time.monotonic(), *sample(process.pid)))
                except (OSError, StopIteration):
                    pass
            time.sleep(0.1 if bench.short else 0.25)
    assert process.returncode == 0, f"exit code {process.returncode}"
    return found, steps


def campaign(bench):
    report = Report("long runs with validations, samples and saves")
    for name, options in (("OpenCL", []), ("reference", REFERENCE)):
        found, steps = watch(bench, name, options)
        # The first minutes fill caches and pools of the system's allocator; what grows goes on growing.
        kept = found[len(found) // (10 if bench.short else 3) :]
        # Descriptors are open for a moment while files are written: those that stay are the fewest of each stretch.
        size = max(4, len(kept) // 10)
        stretches = [min(descriptors for *_, descriptors in kept[start : start + size])
                     for start in range(0, len(kept) - size + 1, size)]
        rise = slope([(seconds, memory) for seconds, memory, _ in kept]) * 3600 / 1024
        figure = (f"{name} {steps} steps in {found[-1][0] - found[0][0]:.0f} s, {kept[0][1]} to {kept[-1][1]} KiB, "
                  f"{rise:+.2f} MiB an hour, {stretches[0]} descriptors")
        report.what += f"; {figure}"
        # Within seconds, single pages are tens of MiB an hour: there, the whole rise may be that of one allocation.
        grown = (kept[-1][1] - kept[0][1]) / 1024
        wrong = stretches[-1] > stretches[0] or rise > MOST and (not bench.short or grown > 4)
        report.add(figure + f", {stretches}" if wrong else None)
    return report
