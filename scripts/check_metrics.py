"""Compares `pix2pix evaluate` and `pix2pix domain-gap` with second_metrics.py and second_domain.py on real pictures; see
check-metrics.
"""

import csv
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import second_domain
import second_metrics as second
from PIL import Image, ImageFilter
from safetensors.numpy import load_file, save_file

SUFFIXES = (".png", ".jpg", ".jpeg")
# Measured: 1.3e-14, of SSIM, whose variances are small differences of squares.
BOUND = 1e-13
failures = 0


def compare(name, ours, theirs, bound):
    """Relative to theirs where that is above 1. A NaN fails."""
    global failures
    error = 0.0 if ours == theirs else abs(ours - theirs) / max(1, abs(theirs))
    right = error <= bound
    failures += not right
    verdict = "" if right else "DIFFERS"
    print(f"{name:48} {ours:<20.15g} {theirs:<22.15g} {error:<9.2g} {bound:<9.2g} {verdict}", flush=True)


def files(folder):
    return sorted(p for p in pathlib.Path(folder).iterdir() if p.suffix.lower() in SUFFIXES)


def read(path):
    return np.asarray(Image.open(path).convert("RGB"))


def run(program, command, *arguments):
    result = subprocess.run([program, command, *map(str, arguments)], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"pix2pix {command} failed: {result.stderr}")


def evaluate(program, *arguments):
    run(program, "evaluate", *arguments)


def results(folder):
    with open(folder / "per-picture.csv", newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    return json.loads((folder / "figures.json").read_text()), rows


def degraded(picture, index, generator):
    """In turn blurred, moved, noisy, darkened and unchanged but for one pixel."""
    kind = index % 5
    if kind == 0:
        return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(2)))
    if kind == 1:
        return np.roll(picture, (3, 5), axis=(0, 1))
    if kind == 2:
        return np.clip(picture + generator.normal(0, 20, picture.shape), 0, 255).round().astype(np.uint8)
    if kind == 3:
        return (picture * 0.7).astype(np.uint8)
    changed = picture.copy()
    changed[0, 0] ^= 128
    return changed


def interval(name, figure, rows, statistic, bound=BOUND):
    """Of a sum over pictures, resampled with the program's default seed."""
    times = np.stack([np.bincount(d, minlength=len(rows)) for d in second.bootstrap_draws(0, len(rows))])
    sums = times @ np.asarray(rows, dtype=float)
    lower, upper = second.percentiles([statistic(s) for s in sums])
    compare(f"{name}, lower end", figure["lower"], lower, bound)
    compare(f"{name}, upper end", figure["upper"], upper, bound)


def check_photos(program, photos, work):
    generator = np.random.default_rng(0)
    targets = {p.stem: read(p) for p in files(photos)}
    outputs = {
        name: degraded(picture, index, generator) for index, (name, picture) in enumerate(targets.items())}
    # The training set is half of the targets, mirrored; one in four outputs repeats a picture of it.
    training = {f"mirrored-{name}": np.fliplr(targets[name]) for name in list(targets)[::2]}
    for name in list(targets)[::4]:
        outputs[name] = training[f"mirrored-{name}"]
    for folder, pictures in (("outputs", outputs), ("targets", targets), ("training", training)):
        (work / folder).mkdir()
        for name, picture in pictures.items():
            Image.fromarray(picture).save(work / folder / f"{name}.png")
    evaluate(
        program, "--outputs", work / "outputs", "--targets", work / "targets", "--train-targets",
        work / "training", "--out", work / "photos")
    summary, rows = results(work / "photos")

    theirs = {name: second.pixel_figures(outputs[name], targets[name]) for name in targets}
    for key in ("l1", "mse", "psnr", "ssim", "ms_ssim"):
        worst = max(
            targets, key=lambda n: abs(float(rows[n][key]) - theirs[n][key]) / max(1, abs(theirs[n][key])))
        compare(f"{key}, worst picture", float(rows[worst][key]), theirs[worst][key], BOUND)
        values = [theirs[n][key] for n in sorted(targets)]
        compare(key, summary["figures"][key]["value"], float(np.mean(values)), BOUND)
        interval(key, summary["figures"][key], [[v] for v in values], lambda s: s[0] / len(values))

    counts = [
        [second.histograms([side[name]]) for side in (outputs, targets)] for name in sorted(targets)]
    for channel, key in enumerate(("l", "a", "b")):
        a = np.array([c[0][channel] for c in counts])
        b = np.array([c[1][channel] for c in counts])
        figure = summary["figures"][f"histogram_intersection_{key}"]
        name = f"histogram intersection {key}"
        compare(name, figure["value"], second.intersection(a.sum(axis=0), b.sum(axis=0)), BOUND)
        interval(
            name, figure, np.concatenate([a, b], axis=1),
            lambda s: second.intersection(s[:a.shape[1]], s[a.shape[1]:]))

    reduced = {name: second.thumbnail(picture) for name, picture in training.items()}
    nearer = []
    worst = 0.0
    for name in sorted(targets):
        own, nearest, nearest_name = second.memorization(outputs[name], targets[name], reduced)
        row = rows[name]
        worst = max(
            worst, abs(float(row["own_distance"]) - own), abs(float(row["nearest_training_distance"]) - nearest))
        if row["nearest_training_target"] != nearest_name:
            worst = float("nan")
        nearer.append([float(nearest < own)])
    compare("distances to targets, largest difference", worst, 0.0, BOUND)
    figure = summary["figures"]["nearer_to_training"]
    compare("nearer to a training target", figure["value"], float(np.mean(nearer)), BOUND)
    interval("nearer to a training target", figure, nearer, lambda s: s[0] / len(nearer))
    return outputs, targets


def check_features(program, outputs, targets, work):
    """Pictures reduced to 4 x 4 as features: 48 numbers for more pictures than that have a full-rank covariance."""
    def features(pictures):
        return np.stack([
            np.asarray(Image.fromarray(p).resize((4, 4), Image.Resampling.BILINEAR)).flatten()
            for p in pictures.values()]).astype(np.float32)

    a, b = features(outputs), features(targets)
    if len(a) <= a.shape[1]:
        sys.exit(f"{len(a)} pictures are too few to compare Fréchet distances; give more than {a.shape[1]}")
    for name, values in (("a", a), ("b", b)):
        save_file({"features": values}, work / f"{name}.safetensors")
    evaluate(
        program, "--output-features", work / "a.safetensors", "--target-features", work / "b.safetensors",
        "--out", work / "features")
    figures = json.loads((work / "features" / "figures.json").read_text())["figures"]
    ours = figures["frechet_distance"]["value"]
    # Measured: 2.2e-11. The root of a product of nearly singular covariances has lost the other digits.
    compare("Fréchet distance", ours, second.frechet(a.astype(float), b.astype(float)), 2e-10)
    # Measured: 2.6e-13. It is the small difference of large means.
    compare(
        "kernel distance", figures["kernel_distance"]["value"],
        1000 * second.kernel_distance(a.astype(float), b.astype(float)), 2e-12)


def check_domain(program, outputs, targets, work):
    """Degraded pictures against others than their own targets."""
    half = len(targets) // 2
    sides = []
    for name, pictures in (("generated", list(outputs.items())[:half]), ("real", list(targets.items())[half:])):
        (work / name).mkdir()
        for stem, picture in pictures:
            Image.fromarray(picture).save(work / name / f"{stem}.png")
        sides.append(np.stack([second.thumbnail(picture).flatten() for _, picture in sorted(pictures)]))
    run(
        program, "domain-gap", "--generated", work / "generated", "--real", work / "real", "--seed", 3, "--out",
        work / "gap")
    figures = json.loads((work / "gap" / "figures.json").read_text())["figures"]
    errors = second_domain.errors(*sides, 64, 3)
    # Measured: 1e-17 and 0. Shares of so few pictures differ by a rounding, or by a picture.
    compare("err of a classifier", figures["domain_error"]["value"], float(np.mean(errors)), 1e-16)
    compare("d, discrepancy", figures["domain_discrepancy"]["value"], second_domain.discrepancy(errors), 1e-15)


def check_samples(program, outputs, targets, work):
    """Three samples of each of 20 targets: an output, the same mirrored, and another one's; LPIPS by random networks."""
    names = sorted(targets)[:20]
    # Networks in float64 take their time.
    outputs, targets = ({n: np.ascontiguousarray(p[n][:80, :96]) for n in names} for p in (outputs, targets))
    samples = {
        name: [outputs[name], np.ascontiguousarray(np.fliplr(outputs[name])), outputs[names[(i + 1) % len(names)]]]
        for i, name in enumerate(names)}
    truth = {name: [targets[name], targets[names[(i + 7) % len(names)]]] for i, name in enumerate(names)}
    for folder in ("samples", "sample-targets", "truth"):
        (work / folder).mkdir()
    for name in names:
        Image.fromarray(targets[name]).save(work / "sample-targets" / f"{name}.png")
        for folder, pictures in (("samples", samples), ("truth", truth)):
            for number, picture in enumerate(pictures[name], 1):
                Image.fromarray(picture).save(work / folder / f"{name}-{number}.png")

    def l1(a, b):
        return float(np.abs(a.astype(float) - b.astype(float)).mean())

    def spread(distance, pictures):
        return float(np.mean([distance(a, b) for i, a in enumerate(pictures) for b in pictures[:i]]))

    for net in ("vgg", "alex"):
        lpips, network, weights = second.random_lpips(net, work)
        out = work / f"lpips-{net}"
        evaluate(
            program, "--outputs", work / "samples", "--targets", work / "sample-targets", "--samples", "3",
            "--target-samples", work / "truth", "--feature-network", network, "--lpips-weights", weights, "--out", out)
        summary, rows = results(out)
        # Maps are in single precision. Measured: 9.4e-7, of two pictures that differ in one pixel or hardly more.
        for key, distance, bound in (("l1", l1, BOUND), (f"lpips_{net}", lpips, 1e-5)):
            plain = {n: distance(samples[n][0], targets[n]) for n in names}
            if key != "l1":
                relative = {n: abs(float(rows[n][key]) / v - 1) for n, v in plain.items() if v > 0}
                compare(f"{key}, largest relative difference", max(relative.values()), 0.0, bound)
            theirs = {
                "diversity": [spread(distance, samples[n]) for n in names],
                "best": [min(distance(s, targets[n]) for s in samples[n]) for n in names],
                "target_diversity": [spread(distance, truth[n]) for n in names]}
            for name, values in [("", list(plain.values()))] + [(f"_{k}", v) for k, v in theirs.items()]:
                ours = summary["figures"][key + name]
                compare(key + name, ours["value"], float(np.mean(values)), bound)
            ratio = summary["figures"][f"{key}_collapse_ratio"]
            both = np.stack([theirs["diversity"], theirs["target_diversity"]], axis=1)
            compare(f"{key}_collapse_ratio", ratio["value"], both[:, 0].sum() / both[:, 1].sum(), bound)
            interval(f"{key}_collapse_ratio", ratio, both, lambda s: s[0] / s[1], bound)


def check_labels(program, labels, work):
    """Label maps beside themselves moved by some pixels, with noise on their colours."""
    generator = np.random.default_rng(1)
    targets = {p.stem: read(p) for p in files(labels)}
    palette = np.unique(np.concatenate([np.unique(t.reshape(-1, 3), axis=0) for t in targets.values()]), axis=0)
    outputs = {
        name: np.clip(np.roll(t, 4, axis=1) + generator.integers(-60, 61, t.shape), 0, 255).astype(np.uint8)
        for name, t in targets.items()}
    (work / "label-outputs").mkdir()
    for name, picture in outputs.items():
        Image.fromarray(picture).save(work / "label-outputs" / f"{name}.png")
    for ignored in (None, len(palette) - 1):
        out = work / f"labels-{ignored}"
        extra = [] if ignored is None else ["--unlabelled", "#%02x%02x%02x" % tuple(palette[ignored])]
        evaluate(
            program, "--outputs", work / "label-outputs", "--targets", labels, "--out", out, *extra)
        summary, rows = results(out)
        matrices = []
        for name in sorted(targets):
            classes = [second.nearest_classes(p[name], palette) for p in (outputs, targets)]
            matrices.append(second.confusion(*classes, len(palette), ignored))
        total = sum(matrices)
        suffix = "" if ignored is None else ", a class ignored"
        difference = np.abs(np.array(summary["segmentation"]["confusion"]) - total).max()
        compare(f"confusion matrix, largest difference{suffix}", float(difference), 0.0, 0)
        size = len(palette)
        for key, figure in (("accuracy", "pixel_accuracy"), ("class_accuracy", "class_accuracy"), ("iou", "class_iou")):
            compare(f"{figure}{suffix}", summary["figures"][figure]["value"], second.segmentation(total)[key], BOUND)
            worst = max(
                abs(float(rows[n][figure]) - second.segmentation(m)[key]) for n, m in zip(sorted(targets), matrices))
            compare(f"{figure}{suffix}, largest difference", worst, 0.0, BOUND)
            interval(
                f"{figure}{suffix}", summary["figures"][figure], [m.flatten() for m in matrices],
                lambda s: second.segmentation(s.reshape(size, size))[key])


def check_scorer(program, outputs, targets, photos, labels, work):
    """A small scorer, read by PyTorch too."""
    scorer = work / "scorer"
    height, width, _ = next(iter(targets.values())).shape
    run(
        program, "train-scorer", "--data", photos, "--targets", labels, "--size", f"{width}x{height}", "--ngf", "8",
        "--epochs", "3", "--out", scorer)
    evaluate(
        program, "--outputs", work / "outputs", "--targets", photos, "--scorer", scorer, "--label-maps", labels, "--out",
        work / "scored")
    summary, _ = results(work / "scored")
    state = load_file(max((scorer / "checkpoints").iterdir()))
    colours = [entry["colour"] for entry in summary["scorerSegmentation"]["classes"]]
    palette = np.array([[int(colour[i:i + 2], 16) for i in (1, 3, 5)] for colour in colours])
    maps = {p.stem: second.nearest_classes(read(p), palette) for p in files(labels)}
    names = sorted(targets)
    features = []
    for side, (key, pictures) in enumerate([("scorer_", outputs), ("scorer_targets_", targets)]):
        readings = [second.read_by_unet(state, pictures[name]) for name in names]
        features.append(np.stack([r[1] for r in readings]))
        total = sum(second.confusion(r[0], maps[n], len(palette)) for n, r in zip(names, readings))
        theirs = second.segmentation(total)
        for name, figure in (("accuracy", "pixel_accuracy"), ("class_accuracy", "class_accuracy"), ("iou", "class_iou")):
            # In single precision a few pixels in millions fall to the other of two classes that are as likely, and each
            # is 1.5e-7 of all. Measured: 1.8e-9.
            compare(key + figure, summary["figures"][key + figure]["value"], theirs[name], 5e-7)
    # Measured: 2.4e-9.
    compare(
        "scorer_frechet_distance", summary["figures"]["scorer_frechet_distance"]["value"], second.frechet(*features), 2e-8)


def main():
    program, photos, labels = sys.argv[1:]
    print(f"{'figure':48} {'pix2pix':20} {'second implementation':22} {'error':9} bound")
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        outputs, targets = check_photos(program, photos, work)
        check_features(program, outputs, targets, work)
        check_domain(program, outputs, targets, work)
        check_samples(program, outputs, targets, work)
        check_labels(program, labels, work)
        check_scorer(program, outputs, targets, photos, labels, work)
    if failures:
        sys.exit(f"{failures} figures differ")
    print("all figures agree")


main()
