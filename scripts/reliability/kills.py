"""Promise 1: a killed run loses at most the steps since its last save."""

import collections
import signal
import subprocess
import time

import common
from common import REFERENCE, TINY, Report

# The end of the first epoch of five steps, with a validation and so a best checkpoint, lies between the saves.
STEPS, SAVE_EVERY, SAVES = 8, 3, 3


def options(pairs, keep=100):
    return [
        "--data", pairs, "--validation-data", pairs / "train", *TINY, *REFERENCE, "--steps", STEPS,
        "--save-every", SAVE_EVERY, "--sample-every", 4, "--keep", keep,
    ]


def straight(bench, pairs, keep=100):
    """The bytes of an undisturbed run: its checkpoints by their steps, and the best."""
    run = bench.new("straight")
    bench.must(["train", *options(pairs, keep), "--out", run])
    files = {step: file.read_bytes() for step, file in common.checkpoints(run).items()}
    return files, (run / "best.safetensors").read_bytes()


def calls_until_second_save(bench, pairs):
    """How often the main thread makes each system call until behind the second save, and in a whole run."""
    run, trace = bench.new("counted"), bench.new("trace")
    bench.must(
        ["train", *options(pairs), "--out", run], prefix=common.strace(",".join(common.CALLS), path=trace))
    calls = common.read_trace(trace)
    main = calls[0].thread
    counts, saves = collections.Counter(), 0
    for call in calls:
        if call.thread != main:
            continue
        if saves < 2:
            counts[call.name] += 1
        saves += call.name == "write" and '"saved ' in call.arguments and "best." not in call.arguments
    assert saves == SAVES, f"{saves} saves"
    return counts


def check(bench, pairs, run, said, expected):
    """Why a killed run is not as promised; None where it is."""
    files, best = expected
    wrong = common.wrong_files(run)
    if wrong:
        return f"half-written: {wrong}"
    kept = common.checkpoints(run)
    if not said <= set(kept):
        return f"it said that it saved steps {said} and {set(kept)} are there"
    for step, file in kept.items():
        if file.read_bytes() != files[step]:
            return f"the checkpoint of step {step} is another"
    if kept:
        outcome = bench.run(["train", "--resume", "--out", run, *REFERENCE])
        if max(kept) == STEPS:
            # It was killed behind the last save.
            if outcome.code != 1 or "already" not in outcome.errors:
                return f"a finished run is resumed: {outcome}"
        elif outcome.code != 0 or f"step {max(kept)}" not in outcome.errors:
            return f"resume: {outcome}"
    else:
        outcome = bench.run(["train", *options(pairs), "--out", run])
        if outcome.code != 0:
            return f"begun again: {outcome}"
    if {step: file.read_bytes() for step, file in common.checkpoints(run).items()} != files:
        return "other bytes than a run that nobody killed"
    if (run / "best.safetensors").read_bytes() != best:
        return "another best.safetensors"
    # A run that is refused because it is finished touches nothing.
    if (not kept or max(kept) != STEPS) and common.leftovers(run):
        return f"left over: {common.leftovers(run)}"
    return None


def saved_paths(text):
    """The checkpoints that the program said it saved, in order."""
    return [line[len("saved "):] for line in text.splitlines() if line.startswith("saved ") and "/step-" in line]


def said_steps(text):
    return {int(path.rsplit("/step-", 1)[1].split(".")[0]) for path in saved_paths(text)}


def campaign(bench):
    report = Report("SIGKILL at every system call up to the second save, and at random times")
    pairs = bench.pairs()
    expected = straight(bench, pairs)
    points = [(name, number) for name, count in calls_until_second_save(bench, pairs).items()
              for number in range(1, count + 1)]
    # openat counts the libraries' and the pictures', too.
    if bench.short:
        points = bench.random.sample(points, 24)

    def at_call(point):
        name, number = point
        run = bench.new("killed")
        outcome = bench.run(
            ["train", *options(pairs), "--out", run],
            prefix=common.strace(name, f"--inject={name}:signal=KILL:when={number}"))
        if outcome.code != -signal.SIGKILL:
            return f"{point}: not killed, {outcome}"
        reason = check(bench, pairs, run, said_steps(outcome.output), expected)
        return reason and f"{name} {number}: {reason}"

    bench.each(report, points, at_call)

    started = time.monotonic()
    bench.must(["train", *options(pairs), "--out", bench.new("timed")])
    length = time.monotonic() - started

    def at_random(seconds):
        run, output = bench.new("killed"), bench.new("output")
        with open(output, "wb") as file:
            process = subprocess.Popen(
                [bench.program, "train", *map(str, options(pairs)), "--out", str(run)], stdin=subprocess.DEVNULL,
                stdout=file, stderr=subprocess.DEVNULL, env=bench.environment)
            time.sleep(seconds)
            process.kill()
            process.wait()
        reason = check(bench, pairs, run, said_steps(output.read_text()), expected)
        return reason and f"after {seconds:.3f} s: {reason}"

    times = [bench.random.uniform(0, 1.2 * length) for _ in range(6 if bench.short else 200)]
    bench.each(report, times, at_random)
    report.what += f" ({len(points)} and {len(times)})"
    return report
