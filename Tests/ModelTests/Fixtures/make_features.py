"""Evaluates small VGGs with PyTorch in float64: what FeatureNetwork is held to.

    python make_features.py          needs torch and safetensors; writes vgg.safetensors, vgg_bn.safetensors, features.json

The files have the names that torchvision's have, a classifier among them; numbers of channels cross a block of 16. Weights
are F32, and are taken to float64 for the features: the means over all pixels of the last maps. Pictures are made from
their index, so that nothing of them has to be kept; their sizes are such that poolings leave rows and columns out.
"""

import json

import torch
from safetensors.torch import save_file
from torch import nn


def conv(inputs, outputs):
    return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]


def normed(inputs, outputs):
    norm = nn.BatchNorm2d(outputs)
    # Statistics and scales as no training would leave them, negative scales among them.
    nn.init.normal_(norm.weight), nn.init.normal_(norm.bias)
    nn.init.normal_(norm.running_mean, std=0.2), nn.init.uniform_(norm.running_var, 0.05, 0.5)
    return [nn.Conv2d(inputs, outputs, 3, padding=1), norm, nn.ReLU()]


def network(layer):
    pool = nn.MaxPool2d(2)
    vgg = nn.Module()
    vgg.features = nn.Sequential(*layer(3, 6), pool, *layer(6, 17), *layer(17, 20), pool, *layer(20, 33), pool)
    vgg.classifier = nn.Sequential(nn.Linear(33, 4))
    return vgg.eval()


def picture(width, height):
    """[1, 3, H, W] in [0, 1]."""
    y, x, c = torch.meshgrid(torch.arange(height), torch.arange(width), torch.arange(3), indexing="ij")
    samples = (7 * (c + 1) * x + 13 * y + x * y // 5) % 256
    return samples.permute(2, 0, 1)[None].double() / 255


def main():
    torch.manual_seed(3)
    mean, std = (torch.tensor(v).double().reshape(1, 3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    result = {}
    for name, layer in (("vgg", conv), ("vgg_bn", normed)):
        vgg = network(layer)
        save_file(vgg.state_dict(), f"{name}.safetensors")
        vgg.double()
        result[name] = {}
        for width, height in ((45, 37), (32, 40), (8, 9)):
            with torch.no_grad():
                maps = vgg.features((picture(width, height) - mean) / std)
            result[name][f"{width}x{height}"] = maps.mean((0, 2, 3)).tolist()
    with open("features.json", "w") as file:
        json.dump(result, file, indent=1)


main()
