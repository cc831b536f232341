"""The networks of the PyTorch version in PyTorch, with its names, to hold files against: U-Net, ResNet and PatchGAN."""

import functools

import torch
from torch import nn


def norm_layer(kind):
    return {
        "batch": nn.BatchNorm2d,
        "instance": functools.partial(nn.InstanceNorm2d, affine=False),
        "none": lambda _: nn.Identity(),
    }[kind]


class Level(nn.Module):
    """A level of a U-Net around the level inside it."""

    def __init__(self, outer, inner, inside, norm, inputs=None, place="middle", dropout=False):
        super().__init__()
        self.outermost = place == "outermost"
        bias = norm != "batch"
        layer = norm_layer(norm)
        down = nn.Conv2d(outer if inputs is None else inputs, inner, 4, 2, 1, bias=bias)
        widths = {"innermost": inner}.get(place, 2 * inner)
        up = nn.ConvTranspose2d(widths, outer, 4, 2, 1, bias=bias or self.outermost)
        if self.outermost:
            modules = [down, inside, nn.ReLU(), up, nn.Tanh()]
        elif place == "innermost":
            modules = [nn.LeakyReLU(0.2), down, nn.ReLU(), up, layer(outer)]
        else:
            modules = [nn.LeakyReLU(0.2), down, layer(inner), inside, nn.ReLU(), up, layer(outer)]
            modules += [nn.Dropout(0.5)] if dropout else []
        self.model = nn.Sequential(*modules)

    def forward(self, x):
        return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)


class UNet(nn.Module):
    def __init__(self, inputs=3, outputs=3, levels=8, ngf=8, norm="batch", dropout=True):
        super().__init__()
        level = Level(8 * ngf, 8 * ngf, None, norm, place="innermost")
        for _ in range(levels - 5):
            level = Level(8 * ngf, 8 * ngf, level, norm, dropout=dropout)
        for factor in (4, 2, 1):
            level = Level(factor * ngf, 2 * factor * ngf, level, norm)
        self.model = Level(outputs, ngf, level, norm, inputs=inputs, place="outermost")

    def forward(self, x):
        return self.model(x)


class Block(nn.Module):
    """A block of a ResNet: it adds to what it is given."""

    def __init__(self, channels, norm, dropout):
        super().__init__()
        bias, layer = norm != "batch", norm_layer(norm)
        modules = [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=bias), layer(channels), nn.ReLU()]
        modules += [nn.Dropout(0.5)] if dropout else []
        modules += [nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3, bias=bias), layer(channels)]
        self.conv_block = nn.Sequential(*modules)

    def forward(self, x):
        return x + self.conv_block(x)


class ResNet(nn.Module):
    def __init__(self, inputs=3, outputs=3, blocks=9, ngf=8, norm="batch", dropout=False):
        super().__init__()
        bias, layer = norm != "batch", norm_layer(norm)
        modules = [nn.ReflectionPad2d(3), nn.Conv2d(inputs, ngf, 7, bias=bias), layer(ngf), nn.ReLU()]
        for width in (ngf, 2 * ngf):
            modules += [nn.Conv2d(width, 2 * width, 3, 2, 1, bias=bias), layer(2 * width), nn.ReLU()]
        modules += [Block(4 * ngf, norm, dropout) for _ in range(blocks)]
        for width in (4 * ngf, 2 * ngf):
            modules += [nn.ConvTranspose2d(width, width // 2, 3, 2, 1, output_padding=1, bias=bias)]
            modules += [layer(width // 2), nn.ReLU()]
        modules += [nn.ReflectionPad2d(3), nn.Conv2d(ngf, outputs, 7), nn.Tanh()]
        self.model = nn.Sequential(*modules)

    def forward(self, x):
        return self.model(x)


class PatchGAN(nn.Module):
    def __init__(self, inputs=6, layers=3, ndf=8, norm="batch"):
        super().__init__()
        bias, layer = norm != "batch", norm_layer(norm)
        if layers == 0:
            self.net = nn.Sequential(
                nn.Conv2d(inputs, ndf, 1), nn.LeakyReLU(0.2), nn.Conv2d(ndf, 2 * ndf, 1, bias=bias), layer(2 * ndf),
                nn.LeakyReLU(0.2), nn.Conv2d(2 * ndf, 1, 1, bias=bias))
            return
        modules, width = [nn.Conv2d(inputs, ndf, 4, 2, 1), nn.LeakyReLU(0.2)], ndf
        for n in range(1, layers + 1):
            wider = ndf * min(2**n, 8)
            modules += [nn.Conv2d(width, wider, 4, 2 if n < layers else 1, 1, bias=bias), layer(wider), nn.LeakyReLU(0.2)]
            width = wider
        self.model = nn.Sequential(*modules, nn.Conv2d(width, 1, 4, 1, 1))

    def forward(self, x):
        return self.net(x) if hasattr(self, "net") else self.model(x)


def random_weights(network, seed):
    """Weights as after training: every tensor differs from its beginning."""
    torch.manual_seed(seed)
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(module.weight, 0, 0.1)
            if module.bias is not None:
                nn.init.normal_(module.bias, 0, 0.1)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1, 0.1)
            nn.init.normal_(module.bias, 0, 0.1)
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            module.num_batches_tracked.fill_(7)
    return network


def as_in_training(network):
    """Norms take the statistics of the picture at hand, and dropout is off."""
    network.train()
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    return network
