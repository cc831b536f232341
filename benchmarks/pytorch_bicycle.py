#!/usr/bin/env python3
"""Times a training step of BicycleGAN in PyTorch, as its PyTorch version steps: generator and encoder by the discriminators of
before, the latent term for the generator alone, then each discriminator.

    python benchmarks/pytorch_bicycle.py time --size 128 --ngf 32 --ndf 32 [--mode eager|channels_last] [--default-adam]

Prints one line of JSON: step_ms and forward_ms (of the generator), medians. The U-Net takes codes of 8 numbers beside the
input of each level; discriminators see pictures alone, at two scales of one width, as `pix2pix train --latent 8` has it.
"""
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))
from pytorch_cycle import main  # noqa: E402
from second_networks import PatchGAN  # noqa: E402

CODES = 8


def maps(z, x):
    return z[:, :, None, None].expand(-1, -1, x.shape[2], x.shape[3])


class UNet(nn.Module):
    def __init__(self, size, ngf):
        super().__init__()
        levels = size.bit_length() - 1
        widths = [3] + [ngf * min(2**n, 8) for n in range(levels)]
        self.down = nn.ModuleList(nn.Conv2d(a + CODES, b, 4, 2, 1) for a, b in zip(widths, widths[1:]))
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(b * (1 if n == levels - 1 else 2), a, 4, 2, 1)
            for n, (a, b) in enumerate(zip(widths, widths[1:])))

    def forward(self, x, z):
        encoded, last = [], len(self.down) - 1
        for n, layer in enumerate(self.down):
            x = torch.cat([x, maps(z, x)], 1)
            x = layer(F.leaky_relu(x, 0.2) if n else x)
            x = F.instance_norm(x) if 0 < n < last else x
            encoded.append(x)
        for n in range(last, -1, -1):
            x = x if n == last else torch.cat([encoded[n], x], 1)
            x = self.up[n](F.relu(x))
            x = F.instance_norm(x) if n else torch.tanh(x)
        return x


class Block(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.first, self.second = nn.Conv2d(inputs, inputs, 3, 1, 1), nn.Conv2d(inputs, outputs, 3, 1, 1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x):
        y = self.first(F.leaky_relu(F.instance_norm(x), 0.2))
        y = self.second(F.leaky_relu(F.instance_norm(y), 0.2))
        return F.avg_pool2d(y, 2) + self.shortcut(F.avg_pool2d(x, 2))


class Encoder(nn.Module):
    def __init__(self, size, width):
        super().__init__()
        blocks, widths = (size // 16).bit_length() - 1, lambda n: width * min(4, n)
        self.body = nn.Sequential(
            nn.Conv2d(3, width, 4, 2, 1), *(Block(widths(n), widths(n + 1)) for n in range(1, blocks + 1)))
        self.mean, self.log_variance = (nn.Linear(widths(blocks + 1), CODES) for _ in range(2))

    def forward(self, y):
        features = F.leaky_relu(self.body(y), 0.2).mean((2, 3))
        return self.mean(features), self.log_variance(features)


class Judge(nn.Module):
    def __init__(self, ndf):
        super().__init__()
        self.scales = nn.ModuleList(PatchGAN(inputs=3, ndf=ndf, norm="instance") for _ in range(2))

    def forward(self, x, target):
        loss = 0
        for scale in self.scales:
            loss = loss + ((scale(x) - target) ** 2).mean()
            x = F.avg_pool2d(x, 2)
        return loss


class BicycleGAN:
    batch = 2

    def __init__(self, size, ngf, ndf, device, layout, fused):
        put = lambda network: network.to(device).to(memory_format=layout)
        self.g, self.e = put(UNet(size, ngf)), put(Encoder(size, ngf))
        self.judges = [put(Judge(ndf)) for _ in range(2)]
        adam = lambda *networks: torch.optim.Adam(
            [p for n in networks for p in n.parameters()], lr=2e-4, betas=(0.5, 0.999), fused=fused)
        self.by_g, self.by_d = adam(self.g, self.e), [adam(judge) for judge in self.judges]

    def forward(self, a, _):
        return self.g(a[:1], torch.randn(1, CODES, device=a.device))

    def step(self, a, b):
        x, (y, other) = a.chunk(2)[0], b.chunk(2)
        for judge in self.judges:
            judge.requires_grad_(False)
        mean, log_variance = self.e(y)
        drawn = torch.randn_like(mean)
        encoded = self.g(x, mean + torch.exp(log_variance / 2) * torch.randn_like(mean))
        random = self.g(x, drawn)
        divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()
        loss = (self.judges[0](encoded, 1) + self.judges[1](random, 1) + 10 * (encoded - y).abs().mean()
                + 0.01 * divergence)
        self.by_g.zero_grad()
        loss.backward(retain_graph=True)
        self.e.requires_grad_(False)
        (0.5 * (self.e(random)[0] - drawn).abs().mean()).backward()
        self.e.requires_grad_(True)
        self.by_g.step()
        for judge, optimizer, fake, real in zip(self.judges, self.by_d, (encoded, random), (y, other)):
            judge.requires_grad_(True)
            optimizer.zero_grad()
            (judge(fake.detach(), 0) + judge(real, 1)).backward()
            optimizer.step()


if __name__ == "__main__":
    main(BicycleGAN, __doc__)
