"""Promise 11: NaN and infinity are never saved, and the last good state is kept."""

import csv
import json
import math
import shutil
import struct

import common
import pictures
from common import REFERENCE, TINY, Report

OBJECTIVES = [
    "", "--objective l1", "--objective l2", "--objective gan", "--gan-loss lsgan", "--gan-loss hinge",
    "--gan-loss wgan --spectral-norm", "--gan-loss wgan --gradient-penalty 10 --norm instance", "--norm none",
    "--minimax", "--lambda-ssim 10", "--lambda-edges 100", "--lambda-feature-matching 10", "--spectral-norm", "--batch-size 2",
    "--norm none --objective l2 --generator resnet-6",
]
VALUES = {"NaN": math.nan, "inf": math.inf, "-inf": -math.inf}


def edited(source, path, name, value):
    """A copy of a checkpoint with one value of a tensor set."""
    data = bytearray(source.read_bytes())
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(bytes(data[8 : 8 + length]))
    first, last = header[name]["data_offsets"]
    place = 8 + length + first + (last - first) // 8 * 4
    data[place : place + 4] = struct.pack("<f", value)
    path.write_bytes(data)


# PSNR is infinite for equal pictures, which is a figure and no accident; the others are the words of history.csv.
NO_FIGURES = {"psnr", "time", "event", "device", "losses", "detail"}


def not_finite_files(run):
    """Files of a run whose numbers are not all finite; common.wrong_files reads the checkpoints'."""
    found = common.wrong_files(run)
    for table in run.glob("*.csv"):
        with table.open(encoding="utf-8", newline="") as file:
            if any(not math.isfinite(float(value)) for row in csv.DictReader(file) for column, value in row.items()
                   if value and column not in NO_FIGURES):
                found.append(table.name)
    return found


def exploding(bench, pairs, rate, options):
    """A training with a rate that no network stands."""
    run = bench.new("exploding")
    outcome = bench.run(
        ["train", "--data", pairs, "--validation-data", pairs / "train", *TINY, *REFERENCE, "--steps", 60,
         "--save-every", 3, "--learning-rate", rate, *options.split(), "--out", run])
    label = f"--learning-rate {rate} {options}"
    wrong = outcome.wrong_end() or (run.exists() and not_finite_files(run))
    if wrong:
        return f"{label}: {wrong}"
    if outcome.code == 1 and not ("NaN or infinite" in outcome.errors or "between" in outcome.errors):
        return f"{label}: {outcome.errors}"
    kept = common.checkpoints(run)
    if outcome.code == 1 and kept:
        if str(kept[max(kept)]) not in outcome.errors:
            return f"{label}: the last good checkpoint is not named: {outcome.errors}"
        again = bench.run(["train", "--resume", "--out", run, "--learning-rate", "1e-6", *REFERENCE])
        if again.wrong_end() or not_finite_files(run):
            return f"{label}: resumed: {again} {not_finite_files(run)}"
    return None


def planted_pictures(bench, value):
    """Arrays with one sample that is not finite, to train with and to translate."""
    folder, out = bench.new("arrays"), bench.new("out")
    for number in range(4):
        for side in ("A", "B"):
            samples = [(x * (number + 1)) % 97 / 97 for x in range(32 * 32 * 3)]
            if number == 2 and side == "A":
                samples[777] = value
            pictures.npy(folder / side / "train" / f"{number}.npy", (32, 32, 3), samples)
    for inputs, targets in ("AB", "BA"):
        run = bench.new("run")
        outcome = bench.run(
            ["train", "--data", folder / inputs, "--targets", folder / targets, *TINY, *REFERENCE, "--steps", 12,
             "--save-every", 2, "--out", run])
        if outcome.code != 1 or outcome.wrong_end() or "2.npy" not in outcome.errors:
            return f"{value} in an array to train with: {outcome}"
        if run.exists() and not_finite_files(run):
            return f"{value} in an array to train with: {not_finite_files(run)}"
    (folder / "A" / "train" / "2.npy").rename(folder / "2.npy")
    (folder / "B" / "train" / "2.npy").unlink()
    bench.must(
        ["train", "--data", folder / "A", "--targets", folder / "B", *TINY, *REFERENCE, "--steps", 2, "--out",
         bench.folder / out.name / "model"])
    shutil.move(folder / "2.npy", folder / "A" / "train" / "2.npy")
    outcome = bench.run(
        ["translate", "--model", out / "model", "--input", folder / "A" / "train", *REFERENCE, "--out",
         out / "pictures"])
    if outcome.code != 1 or "2.npy" not in outcome.errors or (out / "pictures" / "2.npy").exists():
        return f"{value} in an array to translate: {outcome}"
    return None


def campaign(bench):
    report = Report("rates that explode, and NaN and infinity in arrays, weights and moments")
    pairs = bench.pairs()
    rates = [(rate, options) for rate in ("1", "0.3") for options in OBJECTIVES]
    if bench.short:
        rates = rates[:4]
    bench.each(report, rates, lambda item: exploding(bench, pairs, *item))
    bench.each(report, VALUES.values(), lambda value: planted_pictures(bench, value))

    model = bench.new("model")
    bench.must(["train", "--data", pairs, *TINY, *REFERENCE, "--steps", 4, "--save-every", 2, "--out", model])
    newest = common.checkpoints(model)[4]
    _, tensors = common.read_checkpoint(newest.read_bytes())
    names = [name for name, values in tensors.items() if isinstance(values[0], float)]
    kinds = {}
    for name in names:
        kinds.setdefault((name.split(".")[0], name.rsplit(".", 1)[-1], name.count("discriminator")), name)
    planted = [(name, value) for name in kinds.values() for value in VALUES.values()]

    def in_checkpoint(item):
        name, value = item
        run = bench.new("planted")
        shutil.copytree(model, run)
        file = common.checkpoints(run)[4]
        edited(newest, file, name, value)
        before = file.read_bytes()
        for arguments in (
            ["train", "--resume", "--steps", 8, "--out", run, *REFERENCE],
            ["translate", "--model", run, "--input", pairs / "train", "--side", "A", *REFERENCE, "--out",
             bench.new("out")],
            ["evaluate", "--model", run, "--data", pairs, *REFERENCE, "--split", "train"],
        ):
            outcome = bench.run(arguments)
            # Pictures are drawn by the generator alone, which has nothing of the discriminator and the moments.
            wanted = 1 if arguments[0] == "train" or name.startswith("model.model.") else 0
            if outcome.code != wanted or outcome.wrong_end() or wanted and name not in outcome.errors:
                return f"{value} in {name}: {arguments[0]}: {outcome}"
        if file.read_bytes() != before or set(common.checkpoints(run)) != {2, 4}:
            return f"{value} in {name}: the checkpoints were changed"
        # The one before it is whole.
        file.unlink()
        outcome = bench.run(["train", "--resume", "--out", run, *REFERENCE])
        return outcome.code != 0 and f"{value} in {name}: from the checkpoint before it: {outcome}"

    bench.each(report, bench.random.sample(planted, 6) if bench.short else planted, in_checkpoint)

    def huge(name):
        """Finite values so large that all that is made of them is not."""
        run = bench.new("huge")
        shutil.copytree(model, run)
        edited(newest, common.checkpoints(run)[4], name, 3e38)
        resumed = bench.run(["train", "--resume", "--steps", 8, "--out", run, *REFERENCE])
        if resumed.wrong_end() or not_finite_files(run):
            return f"3e38 in {name}: {resumed} {not_finite_files(run)}"
        out = bench.new("out")
        edited(newest, common.checkpoints(run)[4], name, 3e38)
        outcome = bench.run(
            ["translate", "--model", common.checkpoints(run)[4], "--input", pairs / "train", "--side", "A", *REFERENCE,
             "--out", out])
        return outcome.wrong_end() and f"3e38 in {name}: translate: {outcome}"

    bench.each(report, list(kinds.values())[: 4 if bench.short else None], huge)
    return report
