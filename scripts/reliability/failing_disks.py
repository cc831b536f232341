"""Promise 3: a full or failing disk loses nothing that was saved."""

import errno
import pathlib
import subprocess

import common
import kills
from common import REFERENCE, Report

ERRORS = ["ENOSPC", "EIO", "EDQUOT", "EROFS"]
FAILING = ["openat", "write", "pwrite64", "fsync", "rename", "link", "unlink", "close", "mkdir", "flock", "ftruncate"]


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
        # A checkpoint is hundreds of writes that the same line handles: the first error has every fourth of them, the
        # others every sixteenth.
        tensors += to_file
        for error in ERRORS:
            if not to_file or tensors % (4 if error == ERRORS[0] else 16) == 0:
                found.append((call.name, counts[call.name], error, ""))
                # Were all writes to fail, nobody would hear of it: see failing_write.c.
                if call.name != "write":
                    found.append((call.name, counts[call.name], error, "+"))
                elif to_file:
                    found.append(("files", to_files, error, "+"))
    return found


def check(bench, pairs, run, outcome, files, tensors):
    """Why a run whose disk failed is not as promised; None where it is.

    files: the checkpoints' bytes of a run that nothing failed in; tensors: what every step's checkpoint holds
    """
    wrong = outcome.wrong_end()
    if wrong:
        return wrong
    wrong = common.wrong_files(run)
    if wrong:
        return f"half-written: {wrong}"
    kept = common.checkpoints(run)
    # A validation whose pictures, or whose best checkpoint, failed has no best.
    same = "best checkpoint stays" not in outcome.errors and ".png: cannot be read" not in outcome.errors
    for step, file in kept.items():
        data = file.read_bytes()
        # One that a picture's failure ended the run with may have another step.
        if data != files[step] if same and step in files else common.read_checkpoint(data)[1] != tensors[step]:
            return f"the checkpoint of step {step} is another"
    said = kills.said_steps(outcome.output)
    if not said <= set(kept):
        return f"it said that it saved steps {said} and {set(kept)} are there"
    if outcome.code == 0:
        if kills.STEPS not in kept:
            return "it ended well without its last checkpoint"
        missing = set(files) - set(kept)
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
    if common.read_checkpoint(last)[1] != tensors[kills.STEPS]:
        return "gone on: other weights than a run that nothing failed in"
    return common.leftovers(run) and f"left over: {common.leftovers(run)}"


def campaign(bench):
    report = Report("ENOSPC, EIO, EDQUOT and EROFS from every call that writes a run, once and for ever")
    pairs = bench.pairs()
    files, _ = kills.straight(bench, pairs)
    every = bench.new("every")
    bench.must(["train", *kills.options(pairs), "--save-every", 1, "--out", every])
    tensors = {step: common.read_checkpoint(file.read_bytes())[1] for step, file in common.checkpoints(every).items()}
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
        reason = check(bench, pairs, run, outcome, files, tensors)
        return reason and f"{name} {number}{again} {error}: {reason}"

    bench.each(report, tries, one)
    return report
