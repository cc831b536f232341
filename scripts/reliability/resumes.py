"""Promise 4: a resume is bit-exact."""

import signal
import subprocess
import time

import common
import pictures
from common import REFERENCE, TINY, Report

SIZE, COUNT = 32, 5
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL]


def write_data(bench):
    """Folders of photographs, label maps, levels and weights with equal names."""
    folder = bench.new("data")
    for number in range(COUNT):
        name = f"{number}.png"
        if number < 3:
            pictures.png(folder / "few" / name, SIZE, SIZE, pictures.photograph(number))
        pictures.png(folder / "photos" / name, SIZE, SIZE, pictures.photograph(number))
        pictures.png(folder / "others" / name, SIZE, SIZE, pictures.photograph(number + 7))
        pictures.png(folder / "labels" / name, SIZE, SIZE, pictures.labels(number))
        pictures.png(
            folder / "levels" / name, SIZE, SIZE,
            lambda x, y, n=number: (pictures.CLASSES.index(pictures.labels(n)(x, y)),), channels=1)
        pictures.png(folder / "weights" / name, SIZE, SIZE, lambda x, y, n=number: ((x * 8 + n) % 256,), channels=1)
    return folder


def cases(folder):
    """Options that change the step, and where the pictures lie."""
    photos, others, labels, levels, weights = (
        folder / name for name in ("photos", "others", "labels", "levels", "weights"))
    pairs = ["--data", others, "--targets", photos]
    validated = [*pairs, "--validation-data", others, "--validation-targets", photos]
    plain = [
        "", "--objective l1", "--objective l2", "--objective gan", "--objective cgan", "--objective gan+l1",
        "--gan-loss lsgan", "--gan-loss hinge", "--gan-loss wgan --gradient-penalty 10 --norm instance", "--minimax",
        "--norm instance", "--norm instance --affine", "--norm none", "--spectral-norm", "--noise gaussian",
        "--noise gaussian:2 --no-dropout", "--no-dropout", "--pool 3", "--pool 50 --batch-size 2", "--batch-size 2",
        "--batch-size 3", "--recompute", "--no-jitter", "--init xavier", "--init kaiming", "--init orthogonal",
        "--lambda-ssim 1", "--lambda-edges 1", "--lambda-feature-matching 10", "--lambda-l1 10 --lambda-gan 2",
        "--generator resnet-6", "--generator encoder-decoder", "--upsampling resize", "--patch 16",
        "--size 64 --scales 2 --patch 16", "--levels 3", "--size 48x32", "--seed 5", "--learning-rate 0.01",
        "--learning-rate-policy step --learning-rate-step 1", "--learning-rate-policy cosine",
        "--learning-rate-policy linear", "--decay-epochs 1",
    ]
    found = [[*pairs, *options.split()] for options in plain]
    found += [
        [*validated],
        [*validated, "--learning-rate-policy", "plateau", "--epochs", 16],
        [*validated, "--best", "psnr", "--validate-every", 2],
        [*pairs, "--input", labels],
        [*pairs, "--weights", weights],
        ["--data", labels, "--targets", photos, "--labels", "palette"],
        ["--data", levels, "--targets", photos, "--labels", "index"],
        ["--data", photos, "--targets", labels, "--target-format", "palette", "--objective", "cross-entropy"],
        ["--data", photos, "--targets", labels, "--target-format", "palette", "--unlabelled", "#000000"],
        ["--data", photos, "--targets", others, "--input-format", "gray", "--target-format", "lightness"],
    ]
    found += [["--data", photos, "--task", task] for task in (
        "colorize", "inpaint", "inpaint:random", "edges", "super-resolve:2", "denoise:20")]
    # Domains without pairs, of different numbers of pictures.
    unpaired = ["--unpaired", "--data", others, "--targets", folder / "few", "--generator", "resnet-6"]
    found += [[*unpaired, *options.split()] for options in (
        "", "--batch-size 2 --pool 3 --lambda-cycle-back 5", "--lambda-identity 0 --lambda-cycle 3", "--generator unet --dropout")]
    # Latent codes, whose random numbers a resume must draw again.
    found += [[*pairs, "--latent", 3, *options.split()] for options in (
        "", "--batch-size 4 --pool 3 --latent-at input --objective cgan+l1", "--generator resnet-6 --norm none --lambda-latent 0", "--dropout --lambda-kl 0")]
    found += [[*pairs, "--teacher", folder / "teacher", *options.split()] for options in (
        "", "--batch-size 2 --lambda-l1 10 --teacher-radius 0.5", "--generator resnet-6 --objective l1 --recompute")]
    return found


def interrupted(bench, arguments, run, number, patience):
    """Starts a run and sends it a signal some time behind its first checkpoint. The exit code; None if it came to its
    end before."""
    process = subprocess.Popen(
        [bench.program, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, env=bench.environment, text=True)
    for line in process.stdout:
        if line.startswith("saved "):
            break
    time.sleep(patience)
    process.send_signal(number)
    process.communicate()
    return None if process.returncode == 0 or not common.checkpoints(run) else process.returncode


def campaign(bench):
    report = Report("runs with every option that changes a step, interrupted by INT, TERM, HUP or KILL and resumed")
    folder = write_data(bench)
    bench.must([
        "train", *TINY, *REFERENCE, "--data", folder / "others", "--targets", folder / "photos", "--ngf", 6, "--steps", 2,
        "--out", folder / "teacher"])
    items = list(enumerate(cases(folder)))
    if bench.short:
        items = bench.random.sample(items, 8)
    patience = {index: bench.random.uniform(0, 0.12) for index, _ in items}

    def one(item):
        index, options = item
        label = " ".join(str(option).replace(str(folder) + "/", "") for option in options)
        fixed = [*TINY, *REFERENCE, "--epochs", 6, "--save-every", 4]
        # Later options win, so that a case may have others.
        given = ["train", *merged([*fixed, *options])]
        straight = bench.new("straight")
        bench.must([*given, "--out", straight])
        expected = common.checkpoints(straight)
        run, number, wait = bench.new("resumed"), SIGNALS[index % 4], patience[index]
        if index % 7 == 6:
            # A save that fails, once: the third flush of a file behind those of the tables.
            outcome = bench.run(
                [*given, "--out", run, "--stop-after", max(expected) - 1],
                prefix=common.strace("fsync", f"--inject=fsync:error=ENOSPC:when={12 + index % 4}"))
            if outcome.code != 0 or "cannot be" not in outcome.errors:
                return f"{label}: a save that fails: {outcome}"
        else:
            for _ in range(20):
                code = interrupted(bench, [*given, "--out", run], run, number, wait)
                if code is not None:
                    break
                run, wait = bench.new("resumed"), wait / 2
            wanted = -number if number == signal.SIGKILL else 128 + number
            # A signal that comes before the program listens ends it as any would.
            if code not in (wanted, -number):
                return f"{label}: {number!r} ended it with {code}"
        again = ["train", "--resume", "--out", run, *REFERENCE]
        begun = max(common.checkpoints(run))
        outcome = bench.run(again)
        if begun == max(expected):
            return f"{label}: it was not interrupted"
        if outcome.code != 0:
            return f"{label}: {outcome}"
        if common.checkpoints(run)[max(expected)].read_bytes() != expected[max(expected)].read_bytes():
            return f"{label}: resumed at step {begun}, other bytes than the straight run"
        best = [path / "best.safetensors" for path in (run, straight)]
        if best[1].exists() and best[0].read_bytes() != best[1].read_bytes():
            return f"{label}: another best.safetensors"
        return None

    bench.each(report, items, one)
    return report


def merged(options):
    """Options without those that come again later."""
    found, index = {}, 0
    while index < len(options):
        takes = index + 1 < len(options) and not str(options[index + 1]).startswith("--")
        found[options[index]] = [options[index + 1]] if takes else []
        index += 1 + takes
    return [part for name, value in found.items() for part in [name, *value]]
