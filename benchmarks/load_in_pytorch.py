#!/usr/bin/env python3
"""Loads a pix2pix checkpoint into PyTorch's networks, and compares the pictures both draw.

    pix2pix translate --model RUN --input PICTURE --out DIR --dropout off
    python load_in_pytorch.py CHECKPOINT.safetensors PICTURE DIR/PICTURE.png --networks pix2pix_torch.py

--networks names a Python file with UNet and PatchGAN classes under the names of the PyTorch version. Needs torch,
safetensors, pillow and numpy. Fails when a parameter does not fit or the pictures differ by more than a level.
"""
import argparse
import importlib.util
import json

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

parser = argparse.ArgumentParser()
parser.add_argument("checkpoint")
parser.add_argument("input")
parser.add_argument("output")
parser.add_argument("--networks", required=True)
options = parser.parse_args()

spec = importlib.util.spec_from_file_location("networks", options.networks)
networks = importlib.util.module_from_spec(spec)
spec.loader.exec_module(networks)

with safe_open(options.checkpoint, "pt") as file:
    network = json.loads(file.metadata()["options"])["network"]
state = load_file(options.checkpoint)
G = networks.UNet(downs=network["levels"], ngf=network["ngf"], norm=network["norm"])
D = networks.PatchGAN(ndf=network["ndf"], layers=network["discriminatorLayers"], norm=network["norm"])
for name, net in (("G", G), ("D", D)):
    net.load_state_dict({key: state[key] for key in net.state_dict()}, strict=True)
    print(f"{name}: {len(net.state_dict())} tensors loaded")

size = network["size"]
picture = Image.open(options.input)
method = Image.NEAREST if picture.mode == "P" else Image.BICUBIC
pixels = np.array(picture.convert("RGB").resize((size, size), method))
x = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 127.5 - 1
with torch.no_grad():
    y = G(x)[0]
drawn = ((y + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0).numpy().astype(int)
ours = np.array(Image.open(options.output)).astype(int)
difference = np.abs(drawn - ours)
print(f"largest difference {difference.max()} of 255, {np.mean(difference > 0):.2%} of the values differ")
raise SystemExit(difference.max() > 1)
