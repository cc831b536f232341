#!/usr/bin/env python3
"""Loads a pix2pix checkpoint into PyTorch's networks, and compares the pictures both draw.

    pix2pix translate --model RUN --input PICTURES --out DIR --dropout off
    python load_in_pytorch.py RUN/best.safetensors PICTURES/NAME.png DIR/NAME.png --networks pix2pix_torch.py

--networks names a Python file with UNet and PatchGAN classes under the names of the PyTorch version. The checkpoint is
one of the default architectures, of any size, width and norm. Needs torch, safetensors, pillow and numpy. Fails when a
parameter is missing, left over or of another shape, or the pictures differ by more than a level.
"""
import argparse
import importlib.util
import json
import sys

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file


def find(value, key):
    """The first entry of that name in nested dictionaries."""
    if not isinstance(value, dict):
        return None
    if key in value:
        return value[key]
    return next((found for each in value.values() if (found := find(each, key)) is not None), None)


def networks(path, state, norm):
    """G and D with the widths and depths that the tensors have."""
    spec = importlib.util.spec_from_file_location("networks", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    # The U-Net's levels are nested, each a `model`; D is one sequence.
    g = {key: value for key, value in state.items() if key.startswith("model.model.")}
    d = {key: value for key, value in state.items() if key.startswith("model.") and key not in g}
    convolutions = [sum(value.dim() == 4 for value in each.values()) for each in (g, d)]
    first, last = g["model.model.0.weight"], g["model.model.3.weight"]
    G = module.UNet(
        inputs=first.shape[1], outputs=last.shape[1], downs=convolutions[0] // 2, ngf=first.shape[0], norm=norm)
    D = module.PatchGAN(
        inputs=d["model.0.weight"].shape[1], ndf=d["model.0.weight"].shape[0], layers=convolutions[1] - 2, norm=norm)
    for name, net, own in (("G", G, g), ("D", D, d)):
        net.load_state_dict(own, strict=True)
        print(f"{name}: {len(own)} tensors loaded")
    return G, D


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("input")
    parser.add_argument("output")
    parser.add_argument("--networks", required=True)
    options = parser.parse_args()

    with safe_open(options.checkpoint, "pt") as file:
        norm = find(json.loads(file.metadata()["options"]), "norm")
    G, _ = networks(options.networks, load_file(options.checkpoint), norm)

    ours = np.array(Image.open(options.output).convert("RGB")).astype(int)
    picture = Image.open(options.input)
    method = Image.NEAREST if picture.mode == "P" else Image.BICUBIC
    pixels = np.array(picture.convert("RGB").resize((ours.shape[1], ours.shape[0]), method))
    x = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.no_grad():
        y = G(x)[0]
    drawn = ((y + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0).numpy().astype(int)
    difference = np.abs(drawn - ours)
    print(f"largest difference {difference.max()} of 255, {np.mean(difference > 0):.2%} of the values differ")
    if difference.max() > 1:
        sys.exit("the pictures differ by more than a level")


main()
