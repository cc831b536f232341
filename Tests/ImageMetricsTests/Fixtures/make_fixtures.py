#!/usr/bin/env python3
"""Makes fixtures.json beside this file: what other implementations make of pictures that the tests draw, too.

Needs numpy, scipy, scikit-image, torch, pytorch-msssim, mpmath and Pillow; run it only to change the numbers.
scripts/check-metrics compares the program with the same implementations on real pictures.
"""

import json
import pathlib
import sys

import mpmath
import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parents[2] / "scripts"))
import second_metrics as second  # noqa: E402


def drawn(width, height):
    """[height][width][3]: curved edges that repeat faster and faster. Support.swift draws the same."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    return ((x * x * (c + 2) + 3 * y * y + 5 * x * y) // 97 + 40 * c) & 255


def noise(width, height):
    """[height][width][3] in -16...15."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    return ((((x * 7919 + y * 104729 + c * 1299709) * 2654435761) % 2**32) >> 27) - 16


def pairs():
    """Name, output, target, as float64 in 0...255."""
    for width, height in [(17, 11), (64, 48), (161, 176), (256, 256), (203, 181)]:
        a = drawn(width, height)
        yield f"noisy {width}x{height}", np.clip(a + noise(width, height), 0, 255), a
    a = drawn(180, 190)
    yield "inverted 180x190", 255 - a, a
    yield "shifted 192x192", drawn(195, 194)[2:, 3:], drawn(192, 192)
    a = drawn(40, 30)
    deep = np.clip(a * 257 + 8 * noise(40, 30), 0, 65535)
    yield "deep 40x30", deep / 257, a * 1.0


def pixel_cases():
    for name, output, target in pairs():
        output, target = output.astype(np.float64), target.astype(np.float64)
        figures = second.pixel_figures(output, target)
        case = {"name": name, "msSSIM": figures.pop("ms_ssim"), **figures}
        if not name.startswith("deep"):
            case["intersections"] = second.intersections(
                [output.astype(np.uint8)], [target.astype(np.uint8)])
        yield case


def label_case():
    """Six classes in checks; the output's colours are the palette's with noise, some nearer to another class."""
    palette = np.array([[0, 0, 0], [30, 20, 10], [20, 40, 30], [200, 30, 40], [210, 40, 20], [255, 255, 255]])
    y, x = np.meshgrid(np.arange(37), np.arange(41), indexing="ij")
    target = (x // 7 + y // 5) % 6
    output = np.clip(palette[target] + noise(41, 37), 0, 255)
    classes = second.nearest_classes(output, palette)
    figures = {}
    for ignored in (None, 2):
        confusion = second.confusion(classes, target, 6, ignored)
        found = second.segmentation(confusion)
        figures[str(ignored)] = {
            "confusion": confusion.flatten().tolist(), "accuracy": found["accuracy"],
            "classAccuracy": found["class_accuracy"], "iou": found["iou"]}
    return {"palette": palette.tolist(), "figures": figures}


def exact_frechet(a, b):
    """With 50 digits, so that roots of eigenvalues that are 0 do not matter: tr (S1 S2)^(1/2) as the trace of
    (S1^(1/2) S2 S1^(1/2))^(1/2)."""
    mpmath.mp.dps = 50

    def moments(x):
        x = mpmath.matrix(x.tolist())
        n, d = x.rows, x.cols
        mean = [sum(x[i, j] for i in range(n)) / n for j in range(d)]
        centred = mpmath.matrix(n, d)
        for i in range(n):
            for j in range(d):
                centred[i, j] = x[i, j] - mean[j]
        return mean, centred.T * centred / (n - 1)

    def root(s):
        values, vectors = mpmath.eigsy(s)
        roots = mpmath.diag([mpmath.sqrt(abs(v)) for v in values])
        return vectors * roots * vectors.T

    (ma, sa), (mb, sb) = moments(a), moments(b)
    half = root(sa)
    cross = root(half * sb * half)
    trace = sum(sa[i, i] + sb[i, i] - 2 * cross[i, i] for i in range(sa.rows))
    return float(sum((p - q) ** 2 for p, q in zip(ma, mb)) + trace)


def frechet_cases():
    generator = np.random.default_rng(4)
    for counts, dimension in [((30, 25), 5), ((40, 60), 12), ((6, 7), 10), ((3, 30), 8), ((9, 4), 1)]:
        mixing = generator.normal(size=(dimension, dimension))
        a = np.round(generator.normal(size=(counts[0], dimension)) @ mixing, 4)
        b = np.round(generator.normal(size=(counts[1], dimension)) * 1.5 + 0.7, 4)
        distance = exact_frechet(a, b)
        full_rank = min(counts) > dimension
        if full_rank:
            assert abs(second.frechet(a, b) - distance) < 1e-9 * distance
        yield {
            "dimension": dimension, "a": a.flatten().tolist(), "b": b.flatten().tolist(), "distance": distance,
            "scipy": second.frechet(a, b) if full_rank else None}


def bootstrap_case():
    generator = np.random.default_rng(5)
    rows = np.round(generator.gamma(2, 3, size=(23, 2)), 3)
    seed = 0x1234_5678_9ABC_DEF0
    draws = second.bootstrap_draws(seed, len(rows))
    means = rows[draws].mean(axis=1)
    sums = rows[draws].sum(axis=1)
    return {
        "seed": seed, "rows": rows.tolist(),
        "mean": second.percentiles(means[:, 0]), "ratio": second.percentiles(sums[:, 0] / sums[:, 1])}


def memorization_case():
    """Four training pictures; each output beside its own target."""
    training = [np.roll(drawn(50, 40), 9 * k, axis=1) for k in range(4)]
    reduced = {f"t{k}": second.thumbnail(picture) for k, picture in enumerate(training)}
    outputs = [np.clip(training[2] + noise(50, 40), 0, 255), np.flipud(training[0])]
    targets = [np.flipud(training[1]), np.clip(np.flipud(training[0]) + noise(50, 40), 0, 255)]
    return [
        dict(zip(("own", "nearest", "name"), second.memorization(o, t, reduced))) for o, t in zip(outputs, targets)]


def colours():
    levels = np.arange(0, 256, 51)
    grid = [[r, g, b] for r in levels for g in levels for b in levels] + [[v, v, v] for v in range(256)]
    return [{"rgb": [int(v) for v in c], "lab": second.lab(np.uint8(c)[None, None])[0, 0].tolist()} for c in grid]


if __name__ == "__main__":
    fixtures = {
        "pixels": list(pixel_cases()), "labels": label_case(), "frechet": list(frechet_cases()),
        "bootstrap": bootstrap_case(), "memorization": memorization_case(), "colours": colours()}
    text = json.dumps(fixtures, separators=(",", ":"))
    (HERE / "fixtures.json").write_text(text.replace('},{', '},\n{') + "\n")
    for case in fixtures["pixels"]:
        print(case)
    print({k: v["accuracy"] for k, v in fixtures["labels"]["figures"].items()}, fixtures["memorization"])
    print([(c["distance"], c["scipy"]) for c in fixtures["frechet"]], fixtures["bootstrap"]["mean"])
