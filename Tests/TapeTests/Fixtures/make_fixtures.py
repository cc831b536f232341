"""Evaluates cases of the table (Tests/OperationCases) with PyTorch in float64: what the reference is held to.

    python make_fixtures.py          needs torch and numpy; reads cases.txt, writes fixtures.json and fixtures.bin

A case's name says all there is to it, and its inputs come from Philox with the name's hash as the seed, so
nothing is taken over from the Swift code but the names in cases.txt. fixtures.bin holds float64 numbers, little
endian; fixtures.json says which: {case: [{count, step, offset, samples}]}, an entry per output. Of an output with
more than SAMPLES values those at (k * step) % count for k < samples are kept.
"""

import json
import math
import pathlib
import re

import numpy as np
import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent

SAMPLES = 128
MASK = 0xFFFFFFFF


def philox(seed, blocks, stream, step=0):
    """The four words of Philox4x32-10 for the counters (block, 0, stream, step): [len(blocks), 4]."""
    zero = np.zeros_like(blocks)
    c = [blocks, zero, zero + np.uint64(stream), zero + np.uint64(step)]
    k0, k1 = seed & MASK, seed >> 32
    for _ in range(10):
        a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        low, high = np.uint64(MASK), np.uint64(32)
        c = [(b >> high) ^ c[1] ^ np.uint64(k0), b & low, (a >> high) ^ c[3] ^ np.uint64(k1), a & low]
        k0, k1 = (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK
    return np.stack(c, axis=1).astype(np.uint32)


def name_seed(name):
    """FNV-1a."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


class Inputs:
    """A case's inputs in the order in which it makes them."""

    def __init__(self, name):
        self.seed = name_seed(name)
        self.stream = 0

    def words(self, count):
        words = philox(self.seed, np.arange((count + 3) // 4, dtype=np.uint64), self.stream).reshape(-1)[:count]
        self.stream += 1
        return words

    def __call__(self, shape, kind="uniform", number=0.0):
        words = self.words(math.prod(shape))
        signed = (words.view(np.int32) >> 8).astype(np.float32) * np.float32(2**-23)
        unsigned = (words >> 8).astype(np.float32) * np.float32(2**-24)
        values = {
            "uniform": lambda: signed,
            "integers": lambda: (words % 5).astype(np.float32) - np.float32(2),
            "scaled": lambda: signed * np.float32(number),
            "around": lambda: signed + np.float32(number),
            "positive": lambda: np.float32(0.5) + unsigned,
        }[kind]()
        assert values.dtype == np.float32
        return torch.from_numpy(values.astype(np.float64)).reshape(shape)


def slope(text):
    return {"none": 1.0, "relu": 0.0}.get(text) if text in ("none", "relu") else float(np.float32(text.split()[1]))


def activate(x, text):
    return torch.where(x > 0, x, slope(text) * x)


def gate(y, at, text):
    return y if text is None else torch.where(at > 0, y, slope(text) * y)


def convolution(name, make):
    match = re.fullmatch(
        r"(convolution|transposed convolution|weight gradient) (\d)/(\d)/(\d) image (\[.*?\]) gradient (\[.*?\])(.*)",
        name)
    operation, kernel, stride, padding = match[1], int(match[2]), int(match[3]), int(match[4])
    image, gradient = json.loads(match[5]), json.loads(match[6])
    settings = match[7].split(", ")[1:]
    kind = "integers" if "integers" in settings else "uniform"
    get = lambda key: next((s[len(key) + 1:] for s in settings if s.startswith(key + " ")), None)
    weight = [gradient[1], image[1], kernel, kernel]
    if operation == "convolution":
        x, w = make(image, kind), make(weight, kind)
        b = make([gradient[1]], kind) if "bias" in settings else None
        y = F.conv2d(activate(x, get("input")), w, b, stride, padding)
        assert list(y.shape) == gradient
        return [gate(y, make(gradient, kind) if get("gate") else None, get("gate"))]
    if operation == "transposed convolution":
        g, w = make(gradient, kind), make(weight, kind)
        b = make([image[1]], kind) if "bias" in settings else None
        rest = [s - ((o - 1) * stride - 2 * padding + kernel) for s, o in zip(image[2:], gradient[2:])]
        g = activate(g, get("input"))
        # PyTorch wants output paddings below the stride, and it has them: several images have one gradient size.
        x = F.conv_transpose2d(g, w, b, stride, padding, output_padding=rest)
        assert list(x.shape) == image
        return [gate(x, make(image, kind) if get("gate") else None, get("gate"))]
    x, g = activate(make(image, kind), get("image")), activate(make(gradient, kind), get("gradient"))
    w = torch.zeros(weight, dtype=torch.float64, requires_grad=True)
    F.conv2d(x, w, None, stride, padding).backward(g)
    return [w.grad]


EPSILON = float(np.float32(1e-5))


def norm(name, make):
    match = re.fullmatch(
        r"(norm|norm gradient|normalize|running statistics) (\[.*?\]) (per batch|per image|in (\d+) parts)(.*)", name
    )
    operation, shape, per_image = match[1], json.loads(match[2]), match[3] == "per image"
    parts = int(match[4] or 1)
    settings = match[5].split(", ")[1:]
    offset = next((float(s.split()[1]) for s in settings if s.startswith("around")), 0.0)
    spread = ("around", offset) if offset else ("uniform",)
    x = make(shape, *spread)
    axes = (2, 3) if per_image else (0, 2, 3)
    if operation == "normalize":
        mean, variance = make([shape[1]], *spread), make([shape[1]], "positive")
        scale = make([shape[1]]) if "scale" in settings else None
        shift = make([shape[1]]) if "shift" in settings else None
        return [F.batch_norm(x, mean, variance, scale, shift, eps=EPSILON)]
    scale = make([shape[1]], "positive") if "scale" in settings else None
    shift = make([shape[1]]) if "shift" in settings else None
    needed = [t.requires_grad_() for t in (x, scale, shift) if t is not None]
    if per_image:
        y = F.instance_norm(x, eps=EPSILON)
    else:
        passes = x.chunk(parts)
        y = torch.cat([F.batch_norm(p, None, None, scale, shift, training=True, eps=EPSILON) for p in passes])
    if operation == "norm gradient":
        target = make(shape, "around", 1.0)
        return torch.autograd.grad(((y - target) ** 2).sum() / 2, needed)
    if operation == "running statistics":
        mean, variance = make([shape[1]], "around", 1.0), make([shape[1]], "positive")
        momentum = float(np.float32(0.1))
        for part in x.chunk(parts):
            F.batch_norm(part, mean, variance, scale, shift, training=True, momentum=momentum, eps=EPSILON)
        return [mean, variance]
    statistics = [(p.mean(axes), p.var(axes, unbiased=False)) for p in x.chunk(parts)]
    mean, variance = (torch.stack(values) for values in zip(*statistics))
    return [y, variance] if offset == 0 else [y, mean, variance]


def norm_second_gradient(name, make):
    match = re.fullmatch(r"norm second gradient (\[.*?\]) (per batch|per image|in (\d+) parts)(.*)", name)
    shape, per_image, parts = json.loads(match[1]), match[2] == "per image", int(match[3] or 1)
    settings = match[4].split(", ")[1:]
    offset = next((float(s.split()[1]) for s in settings if s.startswith("around")), 0.0)
    x = make(shape, *(("around", offset) if offset else ("uniform",))).requires_grad_()
    scale = make([shape[1]], "positive").requires_grad_() if "scale" in settings else None
    shift = make([shape[1]]) if "shift" in settings else None
    dy = make(shape, "around", 1.0).requires_grad_()
    make([1])  # what the distance is taken from
    target = make(shape)
    if per_image:
        y = F.instance_norm(x, eps=EPSILON)
    else:
        y = torch.cat([F.batch_norm(p, None, None, scale, shift, training=True, eps=EPSILON) for p in x.chunk(parts)])
    (dx,) = torch.autograd.grad((y * dy).sum(), [x], create_graph=True)
    needed = [x, dy] + ([] if scale is None else [scale])
    return torch.autograd.grad(((dx - target) ** 2).sum() / 2, needed)


# Elementwise functions by their names.
FUNCTIONS = {"tanh": torch.tanh, "expm1": torch.expm1, "exp": torch.exp}


def elementwise(name, make):
    function, gradient, shape = re.fullmatch(r"(.*?)( gradient)? (\[.*\])", name).groups()
    function, shape = FUNCTIONS[function], json.loads(shape)
    if not gradient:
        return [function(make(shape, "scaled", 4.0))]
    x = make(shape, "scaled", 2.0).requires_grad_()
    return torch.autograd.grad(((function(x) - make(shape)) ** 2).sum() / 2, [x])


def activation_gradient(name, make):
    shape, activation = re.fullmatch(r"activation gradient (\[.*\]), (.*)", name).groups()
    dy, x = make(json.loads(shape)), make(json.loads(shape), "integers").requires_grad_()
    y = F.relu(x) if activation == "relu" else F.leaky_relu(x, slope(activation))
    return torch.autograd.grad(y, [x], dy)


def logit_loss(name, make):
    kind, number, gradient, shape = re.fullmatch(
        r"(BCE|squared|hinge|linear)(?:, (?:target|sign) (\S+))?, (gradient )?(\[.*\])", name).groups()
    values = ("scaled", 4.0) if gradient else ("around", 1.0) if kind == "linear" else ("scaled", 16.0)
    x = make(json.loads(shape), *values).requires_grad_()
    loss = {
        "BCE": lambda: F.binary_cross_entropy_with_logits(x, torch.full_like(x, float(number))),
        "squared": lambda: F.mse_loss(x, torch.full_like(x, float(number))),
        "hinge": lambda: F.relu(1 - float(number) * x).mean(),
        "linear": lambda: x.mean(),
    }[kind]()
    return torch.autograd.grad(0.5 * loss, [x]) if gradient else [loss]


def pixel(name, make):
    distance, gradient, shape = re.fullmatch(r"(L1|L2)( gradient)? (\[.*\])", name).groups()
    kind = "integers" if gradient else "uniform"
    a, b = (make(json.loads(shape), kind).requires_grad_() for _ in range(2))
    loss = F.l1_loss(a, b) if distance == "L1" else F.mse_loss(a, b)
    return torch.autograd.grad(100 * loss, [a, b]) if gradient else [loss]


GAUSSIAN = torch.exp(-torch.arange(-5, 6, dtype=torch.float64) ** 2 / (2 * 1.5**2))
WINDOW = torch.outer(GAUSSIAN, GAUSSIAN) / GAUSSIAN.sum() ** 2


def blur(x, padding):
    channels = x.shape[1]
    return F.conv2d(x, WINDOW.expand(channels, 1, 11, 11), None, 1, padding, groups=channels)


def blurred(name, make):
    return [blur(make(json.loads(name.removeprefix("blur "))), 5)]


def high_pass(name, make):
    radius, shape = re.fullmatch(r"high pass (\S+) (\[.*\])", name).groups()
    x = make(json.loads(shape)).numpy()
    fy, fx = (2 * np.fft.fftfreq(n) for n in x.shape[2:])
    is_high = np.sqrt(fy[:, None] ** 2 + fx**2) > float(np.float32(radius))
    return [torch.from_numpy(np.fft.ifft2(np.fft.fft2(x) * is_high).real)]


def similarity(name, make):
    operation, shape, flat = re.fullmatch(r"SSIM (loss|gradient) (\[.*\])(, flat)?", name).groups()
    shape = json.loads(shape)
    if flat:
        x, y = (float(np.float32(0.05)) * make(shape, "around", 16.0) for _ in range(2))
    else:
        x, y = make(shape), make(shape)
    x.requires_grad_(), y.requires_grad_()
    means, squares, product = [blur(x, 0), blur(y, 0)], [blur(x * x, 0), blur(y * y, 0)], blur(x * y, 0)
    variances = [s - m**2 for s, m in zip(squares, means)]
    covariance = product - means[0] * means[1]
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    index = (2 * means[0] * means[1] + c1) * (2 * covariance + c2)
    index = index / ((means[0] ** 2 + means[1] ** 2 + c1) * (variances[0] + variances[1] + c2))
    loss = 1 - index.mean()
    if operation == "loss":
        return [loss]
    weight = 1 if flat else 3
    gradients = torch.autograd.grad(weight * loss, [x, y])
    return [loss, *gradients] if flat else gradients


def edges(name, make):
    operation, shape = re.fullmatch(r"edge (loss|gradient) (\[.*\])", name).groups()
    kind = "uniform" if operation == "loss" else "integers"
    a, b = (make(json.loads(shape), kind).requires_grad_() for _ in range(2))
    d = a - b
    loss = d.diff(dim=3).abs().mean() + d.diff(dim=2).abs().mean()
    return [loss] if operation == "loss" else torch.autograd.grad(100 * loss, [a, b])


def cross_entropy(name, make):
    operation, shape, weighted = re.fullmatch(r"cross-entropy (loss|gradient) (\[.*?\])(, weighted)?", name).groups()
    n, k, h, w = json.loads(shape)
    logits = make([n, k, h, w], "scaled", 16.0).requires_grad_()
    labels = torch.from_numpy((make.words(n * h * w) % (k + 1)).astype(np.int64)).reshape(n, h, w)
    weight = 0.5 + 0.25 * (torch.arange(k, dtype=torch.float64) % 4) if weighted else None
    loss = F.cross_entropy(logits, labels, weight, ignore_index=k, reduction="sum") / (n * h * w)
    return [loss] if operation == "loss" else torch.autograd.grad(2 * loss, [logits])


def image_pool(name, make):
    shape, slots, choices = re.fullmatch(r"image pool (\[.*?\]), (\d+) slots, choices (.*)", name).groups()
    shape = json.loads(shape)
    images, pool, result = make(shape), make([int(slots), *shape[1:]]), []
    for image, (slot, use) in zip(images, json.loads(choices)):
        result.append(pool[slot].clone() if use == 2 else image)
        if use > 0:
            pool[slot] = image
    return [torch.stack(result), pool]


def weighted_pixel(name, make):
    match = re.fullmatch(r"weighted (L1|L2)( gradient)? (\[.*?\]), weights (\[.*\])", name)
    kind = "integers" if match[2] else "uniform"
    a, b = (make(json.loads(match[3]), kind).requires_grad_() for _ in range(2))
    loss = (make(json.loads(match[4]), "positive") * ((a - b).abs() if match[1] == "L1" else (a - b) ** 2)).mean()
    return torch.autograd.grad(100 * loss, [a, b]) if match[2] else [loss]


def half_square(y, make, needed):
    """y, and the gradients of |y - t|^2 / 2 for a new input t."""
    return [y, *torch.autograd.grad(((y - make(list(y.shape))) ** 2).sum() / 2, needed)]


def reflection_pad(name, make):
    shape, padding = re.fullmatch(r"reflection pad (\[.*\]), padding (\d+)", name).groups()
    x = make(json.loads(shape)).requires_grad_()
    return half_square(F.pad(x, [int(padding)] * 4, mode="reflect"), make, [x])


def resampling(name, make):
    operation, shape, factor = re.fullmatch(r"(upsample|average pool) (\[.*\]), factor (\d+)", name).groups()
    x = make(json.loads(shape)).requires_grad_()
    if operation == "upsample":
        return half_square(F.interpolate(x, scale_factor=int(factor), mode="nearest"), make, [x])
    # The coefficient is a Float.
    coefficient = float(np.float32(1 / int(factor) ** 2))
    return half_square(coefficient * F.avg_pool2d(x, int(factor), divisor_override=1), make, [x])


def broadcast(name, make):
    n, c, h, w = json.loads(name.removeprefix("broadcast to "))
    x = make([n, c, 1, 1]).requires_grad_()
    return half_square(x.expand(n, c, h, w), make, [x])


def spatial_mean(name, make):
    shape = json.loads(name.removeprefix("spatial mean "))
    x = make(shape, "around", 1.0).requires_grad_()
    # The coefficient is a Float.
    return half_square(x.sum((2, 3), keepdim=True) * float(np.float32(1 / (shape[2] * shape[3]))), make, [x])


def gaussian_kl(name, make):
    shape = json.loads(name.removeprefix("Gaussian KL "))
    mean, log_variance = make(shape).requires_grad_(), make(shape, "scaled", 4.0).requires_grad_()
    normal = torch.distributions.Normal(mean, torch.exp(log_variance / 2))
    standard = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
    loss = torch.distributions.kl_divergence(normal, standard).sum()
    return [loss, *torch.autograd.grad(loss / 2, [mean, log_variance])]


def max_pool(name, make):
    shape, overlaps, integers = re.fullmatch(r"max pool (\[.*\])(, window 3)?(, integers)?", name).groups()
    x = make(json.loads(shape), "integers" if integers else "uniform").requires_grad_()
    if overlaps:
        return [F.max_pool2d(x, 3, 2)]
    return half_square(F.max_pool2d(x, 2), make, [x])


def channel_sum(name, make):
    shape, integers = re.fullmatch(r"channel sum (\[.*\])(, integers)?", name).groups()
    x = make(json.loads(shape), "integers") if integers else make(json.loads(shape), "around", 1.0)
    return [x.sum((0, 2, 3))]


def dropout_mask(name, make):
    shape, rate = re.fullmatch(r"dropout mask (\[.*\]), rate (\S+)", name).groups()
    count, rate = math.prod(json.loads(shape)), float(rate)
    blocks = np.arange((count + 3) // 4, dtype=np.uint64)
    drawn = philox(0xFEDCBA9876543210, blocks, 3, 70_000 + count).reshape(-1)[:count]
    # The value is a Float.
    return [torch.from_numpy(np.where(drawn >= rate * 2**32, np.float64(np.float32(1 / (1 - rate))), 0.0))]


def multiply(name, make):
    shape = json.loads(name.removeprefix("multiply "))
    return [make(shape) * make(shape)]


def combination(name, make):
    kind, shape = re.fullmatch(r"combination (weights |vectors |)(\[.*\])", name).groups()
    # The coefficients are Floats.
    alpha, beta = {"": (0.75, -1.5), "weights ": (1.0, 1.0), "vectors ": (1.0, float(np.float32(0.1)))}[kind]
    a, b = make(json.loads(shape)), make(json.loads(shape))
    return [alpha * a + beta * b]


def concatenation(name, make):
    if name == "concatenation nested, 16-multiples":
        a, b, c = make([2, 16, 4, 5]), make([2, 32, 4, 5]), make([2, 16, 4, 5])
        inner = torch.cat([a, b], 1)
        outer = torch.cat([inner, c * a], 1)
        return [inner, outer, outer + outer]
    if name == "concatenation nested, 3 + 3 channels":
        a, b = make([1, 3, 6, 5]), make([1, 3, 6, 5])
        inner = torch.cat([a, b], 1)
        outer = torch.cat([inner, a], 1)
        return [inner, outer, outer * outer]
    if name == "concatenation of one tensor twice":
        a = make([2, 16, 3, 4])
        return [torch.cat([a, a], 1)]
    if name == "concatenation of one tensor with two others":
        a, b = make([2, 16, 3, 4]), make([2, 16, 3, 4])
        return [torch.cat([a, b], 1), torch.cat([b, a], 1)]
    channels, n, h, w = re.fullmatch(r"concatenation (\[.*\]) of (\d+) x (\d+) x (\d+)", name).groups()
    return [torch.cat([make([int(n), c, int(h), int(w)]) for c in json.loads(channels)], 1)]


def batch(name, make):
    if name == "batch concatenation of 1 + 2":
        return [torch.cat([make([n, 20, 5, 3]) for n in (1, 2)])]
    if name == "batch concatenation of one tensor twice":
        part = make([2, 3, 4, 5])
        return [torch.cat([part, part])]
    if name == "batch concatenation of concatenations":
        a, b = make([2, 16, 3, 4]), make([2, 16, 3, 4])
        parts = [torch.cat([a, b], 1), torch.cat([b, a * b], 1)]
        whole = torch.cat(parts)
        return [*parts, whole, whole * whole, parts[1] * parts[0]]
    if name == "batch split":
        parts = (make([3, 24, 4, 4]) ** 2).split([1, 2])
        return [parts[0], parts[1] ** 2]
    assert name == "batch split of a batch concatenation, gradients"
    a, b = make([2, 18, 4, 5]).requires_grad_(), make([2, 18, 4, 5]).requires_grad_()
    parts = (torch.cat([a, a * b]) ** 2).split([3, 1])
    losses = [F.mse_loss(part, make(list(part.shape))) for part in parts]
    return torch.autograd.grad(3 * losses[0] + losses[1], [a, b])


def sliced(name, make):
    shape, first, end = re.fullmatch(r"slice (\[.*\]) (\d+)\.\.<(\d+)", name).groups()
    return [make(json.loads(shape))[:, int(first):int(end)]]


def slice_gradient(name, make):
    shape, first, end = re.fullmatch(r"slice gradient (\[.*\]) (\d+)\.\.<(\d+)", name).groups()
    x = make(json.loads(shape)).requires_grad_()
    return half_square(x[:, int(first):int(end)], make, [x])[1:]


def gradient_penalty(name, make):
    g = make(json.loads(name.removeprefix("gradient penalty "))).requires_grad_()
    norms = torch.sqrt((g ** 2).sum((1, 2, 3)) + 1e-16)
    penalty = ((norms - 1) ** 2).mean()
    return [penalty, *torch.autograd.grad(10 * penalty, [g])]


# The schedule of the cases with random numbers.
SEED, STEP = 0x0123456789ABCDEF, 70001


def words(count, stream):
    """Words 0..<count of the schedule's stream, as integers below 2^32."""
    return philox(SEED, np.arange((count + 3) // 4, dtype=np.uint64), stream, STEP).reshape(-1)[:count]


def mix(name, make):
    shape = json.loads(name.removeprefix("mix "))
    a, b = make(shape).requires_grad_(), make(shape).requires_grad_()
    make.stream += 1  # the schedule
    t = torch.from_numpy((words(shape[0], 5) >> 8) / 2.0**24).reshape(-1, 1, 1, 1)
    return half_square(torch.lerp(b, a, t), make, [a, b])


def gaussian_noise(name, make):
    shape = json.loads(name.removeprefix("Gaussian noise "))
    count = math.prod(shape)
    u, v = words((count + 1) // 2 * 2, 6).astype(np.float64).reshape(-1, 2).T
    radius, angle = np.sqrt(-2 * np.log((u + 1) / 2**32)), 2 * np.pi * v / 2**32
    return [torch.from_numpy(np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).reshape(-1)[:count])]


def spectral_norm(name, make):
    shape, setting = re.fullmatch(r"spectral norm (\[.*\])(, u stays|, convolved)?", name).groups()
    shape = json.loads(shape)
    w, u = make(shape), make(shape[:1], "around", 0.25)
    if setting == ", u stays":
        # Not what PyTorch has for evaluation, which keeps v, too.
        v = F.normalize(w.reshape(shape[0], -1).T @ u, dim=0, eps=1e-12)
        return [w / (u @ (w.reshape(shape[0], -1) @ v)), u]
    layer = torch.nn.Conv2d(shape[1], shape[0], shape[2:], 2, 1, bias=False, dtype=torch.float64)
    layer = torch.nn.utils.spectral_norm(layer)
    with torch.no_grad():
        layer.weight_orig.copy_(w)
        layer.weight_u.copy_(u)
    if setting is None:
        layer(torch.zeros([1, shape[1], 6, 6], dtype=torch.float64))
        return [layer.weight, layer.weight_u]
    # One iteration for both passes.
    parts = layer(torch.cat([make([1, shape[1], 6, 6]), make([1, shape[1], 6, 6])]))
    y, gradient = half_square(parts[:1] - 0.5 * parts[1:], make, [layer.weight_orig])
    return [y, layer.weight_u, gradient]


def adam(name, make):
    shape, step, small = re.fullmatch(r"Adam (\[.*\]), step (\d+)(, small)?", name).groups()
    shape = json.loads(shape)
    spread = ("scaled", 2**-26) if small else ("uniform",)
    p, g, m = make(shape), make(shape, *spread), make(shape, *spread)
    v = make(shape, "scaled", 0.0) if small else make(shape, "positive")
    p.requires_grad_()
    p.grad = g
    optimizer = torch.optim.Adam([p], lr=0.1, betas=(0.5, 0.999), eps=1e-8)
    optimizer.state[p] = {"step": torch.tensor(float(step)), "exp_avg": m, "exp_avg_sq": v}
    optimizer.step()
    return [p, m, v]


def adam_sequence(name, make):
    """Five steps from fresh moments, each with a gradient of its own: p after every step."""
    p = make([6, 4, 3, 3]).requires_grad_()
    optimizer = torch.optim.Adam([p], lr=0.0002, betas=(0.5, 0.999), eps=1e-8)
    result = []
    for _ in range(5):
        p.grad = make([6, 4, 3, 3])
        optimizer.step()
        result.append(p.detach().clone())
    return result


def small_net(name, make):
    """A U-Net of two levels with a skip, a discriminator of two layers, the losses, all gradients.

    The order of the inputs is that of GradientTests.smallNet.
    """
    leaky, relu = (lambda t: activate(t, "leaky 0.2")), (lambda t: activate(t, "relu"))
    shapes = {
        "w1": [8, 3, 4, 4], "w2": [16, 8, 4, 4], "w3": [16, 8, 4, 4], "w4": [16, 3, 4, 4], "b4": [3],
        "scale2": [16], "shift2": [16], "scale3": [8], "shift3": [8], "d1": [8, 6, 4, 4], "d2": [1, 8, 4, 4],
    }
    x, t = make([2, 3, 16, 16]), make([2, 3, 16, 16])
    p = {}
    for key, shape in shapes.items():
        values = ("scaled", 0.25) if len(shape) == 4 else ("positive" if key.startswith("scale") else "uniform",)
        p[key] = make(shape, *values).requires_grad_()
    norm = lambda y, k: F.batch_norm(y, None, None, p["scale" + k], p["shift" + k], training=True, eps=EPSILON)
    e1 = F.conv2d(x, p["w1"], None, 2, 1)
    e2 = norm(F.conv2d(leaky(e1), p["w2"], None, 2, 1), "2")
    d1 = norm(F.conv_transpose2d(relu(e2), p["w3"], None, 2, 1), "3")
    y = torch.tanh(F.conv_transpose2d(relu(torch.cat([d1, e1], 1)), p["w4"], p["b4"], 2, 1))
    logits = F.conv2d(leaky(F.conv2d(torch.cat([x, y], 1), p["d1"], None, 2, 1)), p["d2"], None, 1, 1)
    bce = F.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))
    l1 = F.l1_loss(y, t)
    return [y, bce, l1, *torch.autograd.grad(bce + 100 * l1, list(p.values()))]


def evaluate(name):
    make = Inputs(name)
    for start, function in (
        ("convolution", convolution), ("transposed", convolution), ("weight gradient", convolution),
        ("activation", activation_gradient), ("norm second", norm_second_gradient), ("norm", norm), ("running", norm),
        ("BCE", logit_loss), ("squared", logit_loss), ("hinge", logit_loss), ("linear", logit_loss),
        ("L1", pixel), ("L2", pixel), ("blur", blurred), ("high pass", high_pass), ("SSIM", similarity), ("edge", edges),
        ("cross-entropy", cross_entropy), ("image pool", image_pool), ("weighted", weighted_pixel),
        ("gradient penalty", gradient_penalty), ("mix", mix), ("Gaussian KL", gaussian_kl),
        ("Gaussian", gaussian_noise), ("broadcast", broadcast), ("spatial mean", spatial_mean),
        ("slice gradient", slice_gradient), ("slice", sliced), ("reflection", reflection_pad),
        ("upsample", resampling), ("average pool", resampling), ("max pool", max_pool),
        ("channel sum", channel_sum), ("dropout mask", dropout_mask), ("multiply", multiply),
        ("combination", combination), ("concatenation", concatenation), ("batch", batch),
        ("spectral norm", spectral_norm), ("Adam [", adam), ("Adam sequence", adam_sequence), ("small net", small_net),
        *((function, elementwise) for function in FUNCTIONS),
    ):
        if name.startswith(start):
            return [t.detach().numpy().reshape(-1) for t in function(name, make)]
    raise ValueError(name)


def main():
    index, numbers = {}, []
    for name in (HERE / "cases.txt").read_text().splitlines():
        index[name] = []
        for values in evaluate(name):
            count, samples = len(values), min(len(values), SAMPLES)
            step = max(1, count // SAMPLES)
            while math.gcd(step, count) > 1:
                step += 1
            index[name].append({"count": count, "step": step, "offset": len(numbers), "samples": samples})
            numbers += [values[k * step % count] for k in range(samples)]
    np.array(numbers, dtype="<f8").tofile(HERE / "fixtures.bin")
    # A case to a line, so that two branches with new cases can be merged.
    lines = (f"{json.dumps(name)}:{json.dumps(outputs, separators=(',', ':'))}" for name, outputs in index.items())
    (HERE / "fixtures.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


main()
