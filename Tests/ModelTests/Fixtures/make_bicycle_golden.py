"""Trains a small BicycleGAN for three steps with PyTorch in float64: what the step of Sources/Model is held to.

    python make_bicycle_golden.py          needs torch and safetensors; writes bicycle/golden.* and bicycle-conditional/golden.*

The step is the PyTorch version's: generator and encoder by the discriminators of before, the latent term for the generator
alone, then each discriminator by the sum of its two losses. Random codes are the program's, from scripts/philox.py. Bounds
come from the same run in float32.
"""

import json
import pathlib
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

sys.path.append(str(pathlib.Path(__file__).parents[3] / "scripts"))
from philox import normals

from make_networks import SLOPE

SIZE, LEVELS, NGF, NDF, LAYERS, STEPS, BATCH = 32, 5, 2, 2, 2, 3, 4
# The streams of codes: of those drawn from the encoder's Gaussian, and of those drawn at random.
ENCODED, RANDOM = 902, 2902


class Network:
    """Parameters by their names, made when they are first asked for."""

    def __init__(self, prefix, generator, dtype):
        self.prefix, self.generator, self.dtype, self.parameters = prefix, generator, dtype, {}

    def __call__(self, name, *shape):
        name = self.prefix + name
        if name not in self.parameters:
            deviation = 0.2 if len(shape) > 1 else 0.05
            value = torch.randn(shape, generator=self.generator, dtype=torch.float64) * deviation
            self.parameters[name] = value.to(self.dtype).requires_grad_()
        return self.parameters[name]

    def held(self):
        other = Network(self.prefix, self.generator, self.dtype)
        other.parameters = {name: value.detach() for name, value in self.parameters.items()}
        return other


leaky = lambda x: F.leaky_relu(x, SLOPE)


def conv(p, name, x, outputs, kernel, stride, padding):
    return F.conv2d(x, p(name + ".weight", outputs, x.shape[1], kernel, kernel), p(name + ".bias", outputs), stride, padding)


def maps(z, x):
    return z[:, :, None, None].expand(-1, -1, x.shape[2], x.shape[3])


def unet(p, x, z, everywhere):
    """The U-Net with the code's maps beside its input, or beside every level's."""
    prefix = lambda n: "model.model" + (".1.model" if n > 1 else "") + ".3.model" * max(0, n - 2)
    channels = lambda n: NGF * min(2 ** (n - 1), 8)
    encoded = []
    for n in range(1, LEVELS + 1):
        if n == 1:
            x = conv(p, prefix(n) + ".0", torch.cat([x, maps(z, x)], 1), channels(n), 4, 2, 1)
        else:
            x = torch.cat([x, maps(z, x)], 1) if everywhere else x
            x = conv(p, prefix(n) + ".1", leaky(x), channels(n), 4, 2, 1)
        if 1 < n < LEVELS:
            x = F.instance_norm(x)
        encoded.append(x)
    for n in range(LEVELS, 0, -1):
        x = x if n == LEVELS else torch.cat([encoded[n - 1], x], 1)
        name, outputs = prefix(n) + (".5" if 1 < n < LEVELS else ".3"), channels(n - 1) if n > 1 else 3
        weight = p(name + ".weight", x.shape[1], outputs, 4, 4)
        x = F.conv_transpose2d(F.relu(x), weight, p(name + ".bias", outputs), 2, 1)
        x = F.instance_norm(x) if n > 1 else torch.tanh(x)
    return x


def encoder(p, y, numbers):
    x, block = conv(p, "conv.0", y, NGF, 4, 2, 1), 1
    while x.shape[2] > 8:
        h = conv(p, f"conv.{block}.conv.2", leaky(F.instance_norm(x)), x.shape[1], 3, 1, 1)
        outputs = NGF * min(4, block + 1)
        h = conv(p, f"conv.{block}.conv.5.0", leaky(F.instance_norm(h)), outputs, 3, 1, 1)
        x = F.avg_pool2d(h, 2) + conv(p, f"conv.{block}.shortcut.1", F.avg_pool2d(x, 2), outputs, 1, 1, 0)
        block += 1
    x = leaky(x).mean((2, 3), keepdim=True)
    return [conv(p, name, x, numbers, 1, 1, 0)[:, :, 0, 0] for name in ("fc.0", "fcVar.0")]


def judge(p, x, scales):
    logits = []
    for scale in range(scales):
        name = f"scale{scale}.model" if scale else "model"
        h, width = leaky(conv(p, f"{name}.0", x, NDF, 4, 2, 1)), NDF
        for n in range(1, LAYERS + 1):
            h = conv(p, f"{name}.{3 * n - 1}", h, NDF * min(2**n, 8), 4, 2 if n < LAYERS else 1, 1)
            h = leaky(F.instance_norm(h))
        logits.append(conv(p, f"{name}.{3 * LAYERS + 2}", h, 1, 4, 1, 1))
        x = F.avg_pool2d(x, 2)
    return logits


def run(options, dtype):
    generator = torch.Generator().manual_seed(3)
    networks = {
        name: Network("" if name == "G" else f"{name}.", generator, dtype) for name in ("G", "E", "D", "D2")}
    inputs = torch.rand(2, STEPS, BATCH, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    inputs = (inputs * 2 - 1).to(dtype)
    half, numbers, weights = BATCH // 2, options["latent"]["length"], options["codes"]
    conditional, scales = options["objective"].startswith("cgan"), options["scales"]
    everywhere = options["latent"]["place"] == "all"
    seen = lambda x, y: torch.cat([x, y], 1) if conditional else y
    square = lambda logits, target: sum(((l - target) ** 2).mean() for l in logits)

    def draw(x, z):
        # Both passes as one batch: instance norm keeps them apart.
        return unet(networks["G"], torch.cat([x, x]), torch.cat(z), everywhere).split(half)

    def codes(stream, step):
        values = normals(half * numbers, stream, step, 0).reshape(half, numbers)
        return torch.tensor(values, dtype=torch.float64).to(dtype)

    tensors, losses, optimizers = {}, [], None
    for step in range(STEPS):
        (x1, x2), (y1, y2) = inputs[0, step].split(half), inputs[1, step].split(half)
        mean, log_variance = encoder(networks["E"], y1, numbers)
        z = [mean + torch.exp(log_variance / 2) * codes(ENCODED, step), codes(RANDOM, step)]
        fakes = draw(x1, z)
        found = encoder(networks["E"].held(), fakes[1], numbers)
        shown = [(seen(x1, fakes[0]), seen(x1, y1)), (seen(x1, fakes[1]), seen(x2, y2))]
        judged = [judge(networks[name], shown[i][0], scales) for i, name in enumerate(("D", "D2"))]
        if step == 0:
            for name, network in networks.items():
                tensors |= {f"init.{name}.{p}": v.detach().clone() for p, v in network.parameters.items()}
            adam = lambda *names: torch.optim.Adam(
                [p for name in names for p in networks[name].parameters.values()], lr=2e-4, betas=(0.5, 0.999))
            optimizers = [adam("G", "E"), adam("D"), adam("D2")]
        for side in (0, 1):
            tensors[f"input.{'AB'[side]}.{step}"] = inputs[side, step]
        gaussian = torch.distributions.Normal(mean, torch.exp(log_variance / 2))
        divergence = torch.distributions.kl_divergence(gaussian, torch.distributions.Normal(0.0, 1.0)).sum()
        terms = {
            "G_GAN": square(judged[0], 1), "G_GAN_random": square(judged[1], 1),
            "G_L1": 10 * (fakes[0] - y1).abs().mean(), "G_KL": weights["divergence"] * divergence,
            "G_latent": weights["latent"] * (found[0] - z[1]).abs().mean(),
        }
        optimizers[0].zero_grad()
        sum(terms.values()).backward()
        gradients = {f"grad.{n}.{p}": v.grad.clone() for n in ("G", "E") for p, v in networks[n].parameters.items()}
        optimizers[0].step()
        logits = []
        for number, name in enumerate(("D", "D2")):
            fake, real = shown[number]
            optimizers[1 + number].zero_grad()
            logits.append([judge(networks[name], fake.detach(), scales), judge(networks[name], real.detach(), scales)])
            key = ("D", "D_random")[number]
            terms[f"{key}_fake"], terms[f"{key}_real"] = square(logits[number][0], 0), square(logits[number][1], 1)
            (terms[f"{key}_fake"] + terms[f"{key}_real"]).backward()
            gradients |= {f"grad.{name}.{p}": v.grad.clone() for p, v in networks[name].parameters.items()}
            optimizers[1 + number].step()
        losses.append({name: float(value) for name, value in terms.items()})
        if step > 0:
            continue
        tensors |= gradients
        for number in (0, 1):
            tensors[f"forward.G.model.model.4.{number}"] = fakes[number].detach().clone()
        for number, heads in enumerate(((mean, log_variance), found)):
            for head, value in zip(("fc", "fcVar"), heads):
                tensors[f"forward.E.E.{head}.0.{number}"] = value.detach().clone()
        for name, passes in (("D", [judged[0], *logits[0]]), ("D2", [judged[1], *logits[1]])):
            for number, scores in enumerate(passes):
                for scale, value in enumerate(scores):
                    place = f"{name}.scale{scale}.model" if scale else f"{name}.model"
                    tensors[f"forward.{name}.{place}.{3 * LAYERS + 2}.{number}"] = value.detach().clone()
    for name, network in networks.items():
        tensors |= {f"final.{name}.{p}": v.detach().clone() for p, v in network.parameters.items()}
    return tensors, losses


def write(folder, **changed):
    options = {"size": SIZE, "ngf": NGF, "ndf": NDF, "layers": LAYERS, "norm": "instance", "batch": BATCH} | changed
    exact, losses = run(options, torch.float64)
    rounded, rounded_losses = run(options, torch.float32)
    noise = {
        name: float((rounded[name].double() - value).norm() / value.norm())
        for name, value in exact.items() if not name.startswith(("init", "input"))}
    # A bias in front of a norm has no gradient: what is there is all rounding, and says nothing.
    noise |= {name: 1e300 for name, value in exact.items() if name.startswith("grad") and value.norm() < 1e-12}
    loss_noise = max(abs(b[k] - a[k]) / abs(a[k]) for a, b in zip(losses, rounded_losses) for k in a)
    place = pathlib.Path(__file__).parent / folder
    place.mkdir(exist_ok=True)
    save_file({name: value.float().contiguous() for name, value in exact.items()}, place / "golden.safetensors")
    description = {"options": options, "losses": losses, "loss_noise": loss_noise, "noise": noise}
    (place / "golden.json").write_text(json.dumps(description, indent=1) + "\n")


if __name__ == "__main__":
    write("bicycle", objective="gan+l1", scales=2, latent={"length": 8, "place": "all"},
          codes={"latent": 0.5, "divergence": 0.01})
    # Larger weights, so that every term counts in the gradients.
    write("bicycle-conditional", objective="cgan+l1", scales=1, latent={"length": 3, "place": "input"},
          codes={"latent": 5, "divergence": 0.2})
