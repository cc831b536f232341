#!/usr/bin/env python3
"""Times a training step of CycleGAN in PyTorch, as its PyTorch version steps: both generators by the discriminators of
before, then each discriminator, with a pool of 50 pictures for each direction.

    python benchmarks/pytorch_cycle.py time --size 128 --ngf 32 --ndf 32 [--mode eager|channels_last] [--default-adam]

Prints one line of JSON: step_ms and forward_ms (of one generator), medians. Networks are scripts/second_networks.py's:
ResNet-6, below 256 pixels, or ResNet-9, and PatchGAN 70, with instance norm.
"""
import argparse
import json
import random
import statistics
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))
from second_networks import PatchGAN, ResNet  # noqa: E402


class Pool:
    def __init__(self, size=50):
        self.size, self.images = size, []

    def __call__(self, picture):
        if len(self.images) < self.size:
            self.images.append(picture.clone())
            return picture
        if random.random() < 0.5:
            return picture
        place = random.randrange(self.size)
        earlier, self.images[place] = self.images[place], picture.clone()
        return earlier


class CycleGAN:
    batch = 1

    def __init__(self, size, ngf, ndf, device, layout, fused):
        blocks = 6 if size < 256 else 9
        put = lambda network: network.to(device).to(memory_format=layout)
        self.g, self.f = (put(ResNet(blocks=blocks, ngf=ngf, norm="instance")) for _ in range(2))
        self.d_b, self.d_a = (put(PatchGAN(inputs=3, ndf=ndf, norm="instance")) for _ in range(2))
        adam = lambda *networks: torch.optim.Adam(
            [p for n in networks for p in n.parameters()], lr=2e-4, betas=(0.5, 0.999), fused=fused)
        # The PyTorch version has one optimizer for both discriminators, too.
        self.by_g, self.by_d = adam(self.g, self.f), adam(self.d_b, self.d_a)
        self.pools = Pool(), Pool()

    def forward(self, a, _):
        return self.g(a)

    @staticmethod
    def square(logits, target):
        return ((logits - target) ** 2).mean()

    def step(self, a, b):
        for judge in (self.d_a, self.d_b):
            judge.requires_grad_(False)
        fake_b, fake_a = self.g(a), self.f(b)
        back_a, back_b = self.f(fake_b), self.g(fake_a)
        same_b, same_a = self.g(b), self.f(a)
        l1 = lambda x, y: (x - y).abs().mean()
        loss = (self.square(self.d_b(fake_b), 1) + self.square(self.d_a(fake_a), 1)
                + 10 * (l1(back_a, a) + l1(back_b, b)) + 5 * (l1(same_a, a) + l1(same_b, b)))
        self.by_g.zero_grad()
        loss.backward()
        self.by_g.step()
        for judge in (self.d_a, self.d_b):
            judge.requires_grad_(True)
        self.by_d.zero_grad()
        for judge, real, fake, pool in ((self.d_b, b, fake_b, self.pools[0]), (self.d_a, a, fake_a, self.pools[1])):
            ((self.square(judge(real), 1) + self.square(judge(pool(fake.detach())), 0)) / 2).backward()
        self.by_d.step()


def main(make, description):
    """Times `make`'s steps by the command line."""
    p = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("command", choices=["time"])
    p.add_argument("--size", type=int, default=128)
    p.add_argument("--ngf", type=int, default=32)
    p.add_argument("--ndf", type=int, default=32)
    p.add_argument("--batch", type=int, default=make.batch)
    p.add_argument("--repeats", type=int, default=7)
    p.add_argument("--device", default="cpu")
    p.add_argument("--mode", choices=["eager", "channels_last"], default="eager")
    p.add_argument("--default-adam", action="store_true")
    o = p.parse_args()
    torch.manual_seed(0)
    layout = torch.channels_last if o.mode == "channels_last" else torch.contiguous_format
    trainer = make(o.size, o.ngf, o.ndf, o.device, layout, None if o.default_adam else True)
    sides = [(torch.rand(o.batch, 3, o.size, o.size) * 2 - 1).to(o.device).contiguous(memory_format=layout) for _ in range(2)]

    def median(work):
        times = []
        for number in range(o.repeats + 2):
            begin = time.perf_counter()
            work()
            if o.device == "cuda":
                torch.cuda.synchronize()
            if number >= 2:
                times.append(1e3 * (time.perf_counter() - begin))
        return statistics.median(times)

    step = median(lambda: trainer.step(*sides))
    with torch.no_grad():
        forward = median(lambda: trainer.forward(*sides))
    print(json.dumps({"step_ms": step, "forward_ms": forward}))


if __name__ == "__main__":
    main(CycleGAN, __doc__)
