"""Evaluates networks with PyTorch in float64: what those of Sources/Model are held to.

    python make_networks.py          needs torch; writes networks.json

Modules have the names and the order of the PyTorch version. Parameters are made from their place among the sorted names,
pictures from their index, by sines, so that nothing but the numbers compared has to be kept.
"""

import functools
import json

import torch
from torch import nn


def residual_block(channels, norm, bias, dropout):
    half = lambda: [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=bias), norm(channels)]
    block = nn.Module()
    block.conv_block = nn.Sequential(*half(), nn.ReLU(), *([nn.Dropout(0.5)] if dropout else []), *half())
    block.forward = lambda x: x + block.conv_block(x)
    return block


def resnet(blocks, inputs, outputs, ngf, norm, bias, dropout):
    layers = [nn.ReflectionPad2d(3), nn.Conv2d(inputs, ngf, 7, bias=bias), norm(ngf), nn.ReLU()]
    for n in range(2):
        layers += [nn.Conv2d(ngf << n, ngf << n + 1, 3, 2, 1, bias=bias), norm(ngf << n + 1), nn.ReLU()]
    layers += [residual_block(4 * ngf, norm, bias, dropout) for _ in range(blocks)]
    for n in (2, 1):
        layers += [nn.ConvTranspose2d(ngf << n, ngf << n - 1, 3, 2, 1, output_padding=1, bias=bias), norm(ngf << n - 1), nn.ReLU()]
    layers += [nn.ReflectionPad2d(3), nn.Conv2d(ngf, outputs, 7), nn.Tanh()]
    network = nn.Module()
    network.model = nn.Sequential(*layers)
    network.forward = lambda x: network.model(x)
    return network


# As a Float has it.
SLOPE = float(torch.tensor(0.2, dtype=torch.float32))


def pixel_discriminator(channels, ndf, norm, bias):
    network = nn.Module()
    network.net = nn.Sequential(
        nn.Conv2d(channels, ndf, 1), nn.LeakyReLU(SLOPE), nn.Conv2d(ndf, 2 * ndf, 1, bias=bias), norm(2 * ndf),
        nn.LeakyReLU(SLOPE), nn.Conv2d(2 * ndf, 1, 1, bias=bias))
    network.forward = lambda x: network.net(x)
    return network


def sines(count, phase, step):
    return torch.sin(torch.arange(count, dtype=torch.float64) * step + phase)


def evaluate(network, shape):
    parameters = dict(network.named_parameters())
    with torch.no_grad():
        for index, name in enumerate(sorted(parameters)):
            value = parameters[name]
            # Norm scales around 1; weights as wide as keeps values where they are.
            scale, offset = (0.25, 1) if value.ndim == 1 and name.endswith("weight") else (0.25, 0)
            if value.ndim == 4:
                scale = (2 / (value.shape[1] * value.shape[2] * value.shape[3])) ** 0.5
            value.copy_((offset + scale * sines(value.numel(), index, 1.37)).reshape(value.shape))
        x = sines(torch.Size(shape).numel(), 0.5, 0.11).reshape(shape)
        return network(x).reshape(-1)


def main():
    torch.set_default_dtype(torch.float64)
    batch = nn.BatchNorm2d
    instance = functools.partial(nn.InstanceNorm2d, affine=False)
    affine = functools.partial(nn.InstanceNorm2d, affine=True)
    cases = {
        "resnet-6 batch": (resnet(6, 3, 3, 4, batch, False, False), [2, 3, 24, 36]),
        "resnet-9 instance": (resnet(9, 1, 2, 3, instance, True, False), [1, 1, 32, 32]),
        "resnet-6 affine": (resnet(6, 3, 3, 2, affine, False, False), [2, 3, 32, 24]),
        "pixel batch": (pixel_discriminator(6, 5, batch, False), [2, 6, 9, 7]),
        "pixel instance": (pixel_discriminator(4, 8, instance, True), [2, 4, 8, 8]),
    }
    result = {}
    for name, (network, shape) in cases.items():
        values = evaluate(network, shape)
        step = max(1, len(values) // 48)
        result[name] = {"count": len(values), "step": step, "values": values[::step].tolist()}
    with open("networks.json", "w") as file:
        json.dump(result, file, indent=1)


if __name__ == "__main__":
    main()
