"""Evaluates LPIPS with PyTorch in float64 by small networks of the architectures of VGG-16 and AlexNet: what LPIPS is held to.

    python make_lpips.py          needs torch and safetensors; writes lpips_vgg.safetensors, lpips_vgg_weights.safetensors, the
                                  same of alex, and lpips.json

The files have torchvision's names and those of the package lpips, which can only read networks of full width; `distance` is
its code of version 0.1, written down anew. scripts/check-metrics compares with the package itself. Numbers of channels cross a
block of 16. Pictures are made from their index, so that nothing of them has to be kept. lpips.json has, beside the right
number, those of the mistakes that are easily made.
"""

import json

import torch
from safetensors.torch import save_file
from torch import nn

# Behind these modules of `features` are the ReLUs that are read.
TAPS = {"vgg": (3, 8, 15, 22, 29), "alex": (1, 4, 7, 9, 11)}


def conv(inputs, outputs, side=3, stride=1, padding=1):
    layer = nn.Conv2d(inputs, outputs, side, stride, padding)
    # As strong as its input, or 13 of them would leave nothing but biases.
    nn.init.kaiming_normal_(layer.weight)
    nn.init.normal_(layer.bias, std=0.2)
    return [layer, nn.ReLU()]


def vgg(widths=(5, 6, 17, 8, 7)):
    layers, inputs = [], 3
    for width, count in zip(widths, (2, 2, 3, 3, 3)):
        for _ in range(count):
            layers += conv(inputs, width)
            inputs = width
        layers.append(nn.MaxPool2d(2))
    return layers, widths


def alex(widths=(6, 17, 8, 7, 5)):
    a, b, c, d, e = widths
    pool = nn.MaxPool2d(3, 2)
    return [*conv(3, a, 11, 4, 2), pool, *conv(a, b, 5, 1, 2), pool, *conv(b, c), *conv(c, d), *conv(d, e), pool], widths


def picture(width, height, which):
    """[1, 3, H, W] in [-1, 1]; the second one is the first with other samples, the third one with one other pixel."""
    y, x, c = torch.meshgrid(torch.arange(height), torch.arange(width), torch.arange(3), indexing="ij")
    samples = (7 * (c + 1) * x + 13 * y + x * y // 5) % 256
    if which == 1:
        samples = (samples + (5 * x + 3 * y * c) % 64) % 256
    if which == 2:
        samples[3, 5] = 255 - samples[3, 5]
    return samples.permute(2, 0, 1)[None].double() / 127.5 - 1


def distance(network, taps, weights, a, b, scales=True, over_map=False, root=False):
    shift, scale = (torch.tensor(v).double().reshape(1, 3, 1, 1) for v in ([-.030, -.088, -.188], [.458, .448, .450]))
    pair = [(x - shift) / scale if scales else x for x in (a, b)]
    result = 0
    # A pooling behind the last one may leave nothing.
    for module, layer in enumerate(network.features[:taps[-1] + 1]):
        pair = [layer(x) for x in pair]
        if module in taps:
            dimensions = (1, 2, 3) if over_map else (1,)
            unit = [x / (x.square().sum(dimensions, keepdim=True).sqrt() + 1e-10) for x in pair]
            weight = weights[taps.index(module)].double()
            value = (weight * (unit[0] - unit[1]).square()).sum(1).mean()
            result = result + (value.sqrt() if root else value)
    return float(result)


def main():
    torch.manual_seed(7)
    result = {}
    for name, make in (("vgg", vgg), ("alex", alex)):
        network = nn.Module()
        layers, widths = make()
        network.features = nn.Sequential(*layers)
        weights = [torch.rand(1, width, 1, 1) for width in widths]
        # Many of the package's are 0.
        for weight in weights:
            weight[:, 1] = 0
        save_file(network.state_dict(), f"lpips_{name}.safetensors")
        save_file({f"lin{i}.model.1.weight": w for i, w in enumerate(weights)}, f"lpips_{name}_weights.safetensors")
        network.double()
        ones = [torch.ones_like(weight) for weight in weights]
        result[name] = {}
        for width, height in ((45, 37), (32, 40), (64, 33)):
            a, b, c = (picture(width, height, which) for which in range(3))
            with torch.no_grad():
                def d(second, weights=weights, **mistake):
                    return distance(network, TAPS[name], weights, a, second, **mistake)

                result[name][f"{width}x{height}"] = {
                    "lpips": d(b), "near": d(c), "ones": d(b, ones), "unscaled": d(b, scales=False),
                    "overMap": d(b, over_map=True), "root": d(b, root=True)}
    with open("lpips.json", "w") as file:
        json.dump(result, file, indent=1)


main()
