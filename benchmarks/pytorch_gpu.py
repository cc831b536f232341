#!/usr/bin/env python3
"""The training step and the generator's forward pass in PyTorch at its best, a JSON line for each way to run them.

The default pix2pix model: U-Net with dropout, PatchGAN of three layers, batch norm, vanilla GAN loss + 100 x L1, fused
Adam, dropout on, batch statistics. Modes: eager, channels_last, graph (CUDA graph of the whole step, channels_last) and
compile (torch.compile of both networks, channels_last); on a GPU each in fp32 and with TF32.

    python pytorch_gpu.py --batch 1 16 --modes eager channels_last graph compile
"""
import argparse
import json
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn


class Down(nn.Module):
    def __init__(self, inputs, outputs, activation=True, norm=True):
        super().__init__()
        self.activation = activation
        self.conv = nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs) if norm else nn.Identity()

    def forward(self, x):
        return self.norm(self.conv(F.leaky_relu(x, 0.2) if self.activation else x))


class Up(nn.Module):
    def __init__(self, inputs, outputs, dropout=False):
        super().__init__()
        self.conv = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.dropout = nn.Dropout(0.5) if dropout else nn.Identity()

    def forward(self, x):
        return self.dropout(self.norm(self.conv(F.relu(x))))


class UNet(nn.Module):
    def __init__(self, size, ngf):
        super().__init__()
        levels = min(size.bit_length() - 1, 8)
        channels = [ngf * min(2 ** i, 8) for i in range(levels)]
        # No norm around the first and the innermost convolution.
        self.downs = nn.ModuleList(
            Down(channels[i - 1] if i else 3, channels[i], activation=i > 0, norm=0 < i < levels - 1)
            for i in range(levels))
        self.ups = nn.ModuleList(
            Up(channels[i] * (1 if i == levels - 1 else 2), channels[i - 1], dropout=5 <= i + 1 <= levels - 1)
            for i in range(levels - 1, 0, -1))
        self.last = nn.ConvTranspose2d(2 * ngf, 3, 4, 2, 1)

    def forward(self, x):
        skips = []
        for down in self.downs:
            x = down(x)
            skips.append(x)
        skips.pop()
        for up in self.ups:
            x = torch.cat([skips.pop(), up(x)], 1)
        return torch.tanh(self.last(F.relu(x)))


class PatchGAN(nn.Module):
    def __init__(self, ndf):
        super().__init__()
        layers = [nn.Conv2d(6, ndf, 4, 2, 1), nn.LeakyReLU(0.2)]
        for i, stride in ((1, 2), (2, 2), (3, 1)):
            layers += [nn.Conv2d(ndf * 2 ** (i - 1), ndf * 2 ** i, 4, stride, 1, bias=False),
                       nn.BatchNorm2d(ndf * 2 ** i), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(ndf * 8, 1, 4, 1, 1))

    def forward(self, x):
        return self.layers(x)


class Step:
    def __init__(self, o, batch, mode, device):
        self.g_net, self.d_net = UNet(o.size, o.ngf).to(device), PatchGAN(o.ndf).to(device)
        for module in [*self.g_net.modules(), *self.d_net.modules()]:
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.normal_(module.weight, 0.0, 0.02)
        layout = torch.contiguous_format if mode == "eager" else torch.channels_last
        for net in (self.g_net, self.d_net):
            net.to(memory_format=layout)
        self.a, self.b = ((torch.rand(batch, 3, o.size, o.size, device=device) * 2 - 1).to(memory_format=layout)
                          for _ in range(2))
        adam = dict(lr=2e-4, betas=(0.5, 0.999), fused=True, capturable=mode == "graph")
        self.g_adam = torch.optim.Adam(self.g_net.parameters(), **adam)
        self.d_adam = torch.optim.Adam(self.d_net.parameters(), **adam)
        self.g, self.d = self.g_net, self.d_net
        if mode == "compile":
            self.g, self.d = torch.compile(self.g_net), torch.compile(self.d_net)
        self.run = self.step
        if mode == "graph":
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(5):
                    self.step()
            torch.cuda.current_stream().wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self.step()
            self.run = graph.replay

    def loss(self, x, real):
        logits = self.d(x)
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, real))

    def step(self):
        fake = self.g(self.a)
        for p in self.d_net.parameters():
            p.requires_grad_(True)
        self.d_adam.zero_grad()
        loss = self.loss(torch.cat([self.a, fake.detach()], 1), 0.0) + self.loss(torch.cat([self.a, self.b], 1), 1.0)
        (0.5 * loss).backward()
        self.d_adam.step()
        for p in self.d_net.parameters():
            p.requires_grad_(False)
        self.g_adam.zero_grad()
        (self.loss(torch.cat([self.a, fake], 1), 1.0) + 100 * F.l1_loss(fake, self.b)).backward()
        self.g_adam.step()

    def forward(self):
        with torch.no_grad():
            self.g(self.a)


def median_ms(run, device, repeats):
    synchronize = torch.cuda.synchronize if device == "cuda" else lambda: None
    for _ in range(5 if device == "cuda" else 2):
        run()
    times = []
    for _ in range(repeats):
        synchronize()
        start = time.perf_counter()
        run()
        synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", choices=("cuda", "cpu"))
    p.add_argument("--modes", nargs="+", default=["eager", "channels_last", "graph", "compile"])
    p.add_argument("--batch", nargs="+", type=int, default=[1, 16])
    p.add_argument("--size", type=int, default=256)
    p.add_argument("--ngf", type=int, default=64)
    p.add_argument("--ndf", type=int, default=64)
    p.add_argument("--repeats", type=int, default=21)
    o = p.parse_args()
    on_gpu = o.device == "cuda"
    torch.backends.cudnn.benchmark = True
    for batch in o.batch:
        for mode in o.modes:
            if mode == "graph" and not on_gpu:
                continue
            for tf32 in (False, True) if on_gpu else (False,):
                torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
                row = dict(mode=mode, precision="tf32" if tf32 else "fp32", batch=batch, size=o.size, torch=torch.__version__,
                           device=torch.cuda.get_device_name() if on_gpu else "CPU")
                try:
                    torch.manual_seed(0)
                    step = Step(o, batch, mode, o.device)
                    row.update(step_ms=median_ms(step.run, o.device, o.repeats),
                               forward_ms=median_ms(step.forward, o.device, o.repeats))
                except Exception as error:  # A mode that a version or machine lacks is no reason to lose the others.
                    row.update(error=str(error).strip().split("\n")[0][:200])
                    print(f"{mode}: {row['error']}", file=sys.stderr)
                print(json.dumps(row), flush=True)
                step = None
                if mode == "compile":
                    torch._dynamo.reset()
                if on_gpu:
                    torch.cuda.empty_cache()


if __name__ == "__main__":
    main()
