"""Promise 3: a full or failing disk loses nothing that was saved."""

import errno
import pathlib
import subprocess

import common
import kills
from common import REFERENCE, Report

ERRORS = ["ENOSPC", "EIO", "EDQUOT", "EROFS"]
FAILING = ["openat", "write", "fsync", "rename", "link", "unlink", "close", "mkdir", "flock", "ftruncate"]


def points(bench, pairs):
    """Each call of a whole run from the first on that its folder sees, as a name and a number of the main thread's."""
    run, trace = bench.new("counted"), bench.new("trace")
    bench.must(
        ["train", *kills.options(pairs), "--out", run], prefix=common.strace(",".join(FAILING), path=trace))
    calls = common.read_trace(trace)
    main, counts, begun = calls[0].thread, dict.fromkeys(FAILING, 0), False
    found, tensors, to_files = [], 0, 0
    for call in calls:
        if call.thread != main:
            continue
        counts[call.name] += 1
        to_file = call.name == "write" and not call.arguments.startswith(("1,", "2,"))
        to_files += to_file
        begun = begun or str(run) in call.arguments
        if not begun:
            continue
        # A checkpoint is hundreds of writes that are handled by the same line: the first error has them all, the others
        # every eighth.
        tensors += to_file
        for error in ERRORS:
            if error == ERRORS[0] or not to_file or tensors % 8 == 0:
                found.append((call.name, counts[call.name], error, ""))
                # Were all writes to fail, nobody would hear of it: see failing_write.c.
                if call.name != "write":
                    found.append((call.name, counts[call.name], error, "+"))
                elif to_file:
                    found.append(("files", to_files, error, "+"))
    return found


def without_best(data):
    """What a checkpoint holds besides the best validation, which another file's failure changes."""
    metadata, tensors = common.read_checkpoint(data)
    return {key: value for key, value in metadata.items() if key != "progress"}, tensors


def check(bench, pairs, run, outcome, files):
    wrong = outcome.wrong_end()
    if wrong:
        return wrong
    wrong = common.wrong_files(run)
    if wrong:
        return f"half-written: {wrong}"
    kept = common.checkpoints(run)
    same = "best checkpoint stays" not in outcome.errors
    for step, file in kept.items():
        data = file.read_bytes()
        if data != files[step] if same else without_best(data) != without_best(files[step]):
            return f"the checkpoint of step {step} is another"
    said = kills.said_steps(outcome.output)
    if not said <= set(kept):
        return f"it said that it saved steps {said} and {set(kept)} are there"
    if outcome.code == 0:
        if kills.STEPS not in said:
            return "it ended well without its last checkpoint"
        missing = set(files) - said
        if missing and outcome.errors.count("it is tried again") != len(missing):
            return f"steps {missing} were not saved, and it did not say so: {outcome.errors}"
        return None
    # What a run that ended before its end left is gone on from.
    arguments = ["train", "--resume", "--out", run, *REFERENCE]
    if kept and max(kept) == kills.STEPS:
        return None
    again = bench.run(arguments if kept else ["train", *kills.options(pairs), "--out", run])
    if again.code != 0:
        return f"gone on: {again}"
    last = common.checkpoints(run)[kills.STEPS].read_bytes()
    if without_best(last) != without_best(files[kills.STEPS]):
        return "gone on: other weights than a run that nothing failed in"
    return common.leftovers(run) and f"left over: {common.leftovers(run)}"


def campaign(bench):
    report = Report("ENOSPC, EIO, EDQUOT and EROFS from every call that writes a run, once and for ever")
    pairs = bench.pairs()
    files, _ = kills.straight(bench, pairs)
    library = bench.folder / "failing_write.so"
    source = pathlib.Path(__file__).with_name("failing_write.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", source, "-o", library, "-ldl"], check=True)
    tries = points(bench, pairs)
    if bench.short:
        tries = bench.random.sample(tries, 60)

    def one(point):
        name, number, error, again = point
        run = bench.new("failing")
        arguments = ["train", *kills.options(pairs), "--out", run]
        if name == "files":
            outcome = bench.run(arguments, environment={
                "LD_PRELOAD": str(library), "FAILING_WRITE_FROM": str(number),
                "FAILING_WRITE_ERROR": str(getattr(errno, error))})
        else:
            outcome = bench.run(
                arguments, prefix=common.strace(name, f"--inject={name}:error={error}:when={number}{again}"))
        reason = check(bench, pairs, run, outcome, files)
        return reason and f"{name} {number}{again} {error}: {reason}"

    bench.each(report, tries, one)
    return report
