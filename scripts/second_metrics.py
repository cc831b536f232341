"""The figures of `pix2pix evaluate` a second time, by other people's implementations where there are any and from
the definition in numpy where there are none. Used by scripts/check-metrics and by the fixtures of ImageMetricsTests.

Pictures are arrays [height][width][3] in 0...255.
"""

import pathlib
import sys
import types

import numpy as np
import scipy.linalg
import torch
from philox import philox
from PIL import Image
from pytorch_msssim import ms_ssim
from skimage.color import rgb2lab
from safetensors.torch import save_file
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity

# Pictures are small: threads would wait for each other longer than they compute.
torch.set_num_threads(1)


def pixel_figures(output, target):
    """SSIM and MS-SSIM are None where they are not defined. float64 throughout."""
    output, target = output.astype(np.float64), target.astype(np.float64)
    smaller = min(output.shape[:2])
    figures = {
        "l1": float(np.abs(output - target).mean()),
        "mse": float(mean_squared_error(output, target)),
        "psnr": float("inf") if (output == target).all()
        else float(peak_signal_noise_ratio(target, output, data_range=255)),
        "ssim": None, "ms_ssim": None}
    if smaller >= 11:
        figures["ssim"] = float(
            structural_similarity(
                output, target, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255,
                channel_axis=2))
    if smaller >= 161:
        a, b = (torch.from_numpy(np.ascontiguousarray(p.transpose(2, 0, 1)))[None] for p in (output, target))
        # The window that it makes by itself is rounded to float32.
        window = torch.exp(-torch.arange(-5, 6, dtype=torch.float64) ** 2 / (2 * 1.5**2))
        window = (window / window.sum()).reshape(1, 1, 1, 11).repeat(3, 1, 1, 1)
        figures["ms_ssim"] = float(ms_ssim(a, b, data_range=255, win=window))
    return figures


def lab(picture):
    return rgb2lab(picture)


def histograms(pictures):
    """L in 101 bins around 0...100, a and b in 256 around -128...127."""
    counts = [np.zeros(101), np.zeros(256), np.zeros(256)]
    for picture in pictures:
        levels = np.rint(lab(picture.astype(np.uint8))).astype(int)
        for channel, first in enumerate((0, -128, -128)):
            values = levels[..., channel].flatten() - first
            counts[channel] += np.bincount(values, minlength=len(counts[channel]))
    return counts


def intersection(a, b):
    return float(np.minimum(a / a.sum(), b / b.sum()).sum())


def intersections(outputs, targets):
    return [intersection(a, b) for a, b in zip(histograms(outputs), histograms(targets))]


def nearest_classes(picture, palette):
    """argmin takes the first of equal ones."""
    difference = picture.astype(int)[:, :, None] - palette.astype(int)
    return (difference**2).sum(axis=-1).argmin(axis=-1)


def confusion(output, target, classes, ignored=None):
    """[target][output] pixels."""
    counts = np.zeros((classes, classes), dtype=int)
    for i in range(classes):
        for j in range(classes):
            if i != ignored:
                counts[i, j] = ((target == i) & (output == j)).sum()
    return counts


def segmentation(counts):
    """Long et al. 2015, section 5; means over the classes that have a value."""
    with np.errstate(invalid="ignore"):
        correct, rows, columns = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
        return {
            "accuracy": float(correct.sum() / counts.sum()),
            "class_accuracy": float(np.nanmean(correct / rows)),
            "iou": float(np.nanmean(correct / (rows + columns - correct)))}


def frechet(a, b):
    """By the root of the matrix, as FID's original code has it; for covariances of full rank."""
    sa, sb = np.atleast_2d(np.cov(a, rowvar=False)), np.atleast_2d(np.cov(b, rowvar=False))
    root = scipy.linalg.sqrtm(sa @ sb)
    difference = a.mean(axis=0) - b.mean(axis=0)
    return float(difference @ difference + np.trace(sa + sb - 2 * np.real(root)))


def kernel_distance(a, b):
    """KID's estimate over all vectors at once, as torch-fidelity's polynomial_mmd has it."""
    def kernel(x, y):
        return (x @ y.T / x.shape[1] + 1) ** 3

    (aa, bb, ab), (m, n) = (kernel(a, a), kernel(b, b), kernel(a, b)), (len(a), len(b))
    within = (aa.sum() - np.trace(aa)) / (m * (m - 1)) + (bb.sum() - np.trace(bb)) / (n * (n - 1))
    return float(within - 2 * ab.mean())


def read_by_unet(state, picture):
    """The class of each pixel of an RGB picture, and the mean over pixels of each map that the last layer reads, by a
    U-Net with PyTorch's names and norms of batch statistics. In Double: classes that are nearly as likely are a matter of
    rounding."""
    state = {name: torch.as_tensor(value).double() for name, value in state.items()}

    def prefix(level):
        return "model.model" + (".1.model" if level > 1 else "") + ".3.model" * (level - 2)

    levels = 1
    while f"{prefix(levels + 1)}.1.weight" in state:
        levels += 1

    def parameters(name):
        return state[f"{name}.weight"], state.get(f"{name}.bias")

    def norm(x, name):
        return torch.nn.functional.batch_norm(x, None, None, *parameters(name), training=True)

    x = torch.as_tensor(picture.transpose(2, 0, 1)[None] / 127.5 - 1).double()
    encoded = []
    for level in range(1, levels + 1):
        name = prefix(level)
        x = torch.nn.functional.leaky_relu(x, 0.2) if level > 1 else x
        weight, bias = parameters(f"{name}.{0 if level == 1 else 1}")
        x = torch.nn.functional.conv2d(x, weight, bias, stride=2, padding=1)
        x = norm(x, f"{name}.2") if 1 < level < levels else x
        encoded.append(x)
    for level in range(levels, 0, -1):
        name = prefix(level)
        x = torch.relu(x if level == levels else torch.cat([encoded[level - 1], x], dim=1))
        features = x
        weight, bias = parameters(f"{name}.{3 if level in (1, levels) else 5}")
        x = torch.nn.functional.conv_transpose2d(x, weight, bias, stride=2, padding=1)
        x = norm(x, f"{name}.{4 if level == levels else 6}") if level > 1 else x
    return x[0].argmax(dim=0).numpy(), features[0].mean(dim=(1, 2)).numpy()


def bootstrap_draws(seed, count, resamples=1000):
    """[resamples][count] indices: word d % 4 of the counter (d / 4, resample, "ME" 1, 0), scaled to 0..<count."""
    draw, resample = np.meshgrid(np.arange(count), np.arange(resamples))
    words = philox(
        (draw // 4, resample, np.full_like(draw, 0x4D450001), np.zeros_like(draw)),
        (seed & 0xFFFFFFFF, seed >> 32))
    chosen = np.choose(draw % 4, words)
    return ((chosen * np.uint64(count)) >> np.uint64(32)).astype(int)


def percentiles(values):
    return [float(v) for v in np.percentile(values, [2.5, 97.5])]


def thumbnail(picture):
    picture = Image.fromarray(picture.astype(np.uint8)).resize((32, 32), Image.Resampling.BILINEAR)
    return np.asarray(picture).astype(float)


def memorization(output, target, training):
    """The distances to the target and to the nearest of the training pictures, {name: thumbnail}; whose that is."""
    reduced = thumbnail(output)
    distances = {name: float(np.abs(reduced - other).mean()) for name, other in training.items()}
    nearest = min(distances, key=distances.get)
    return float(np.abs(reduced - thumbnail(target)).mean()), distances[nearest], nearest


def torchvision_models():
    """The architectures that the package lpips asks torchvision for, which is large and fits one version of PyTorch only."""
    def conv(*arguments):
        return [torch.nn.Conv2d(*arguments), torch.nn.ReLU(inplace=True)]

    def features(layers):
        module = torch.nn.Module()
        module.features = torch.nn.Sequential(*layers)
        return module

    def vgg16(pretrained):
        layers, inputs = [], 3
        for width, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
            for _ in range(count):
                layers += conv(inputs, width, 3, 1, 1)
                inputs = width
            layers.append(torch.nn.MaxPool2d(2, 2))
        return features(layers)

    def alexnet(pretrained):
        pool = torch.nn.MaxPool2d(3, 2)
        return features(
            [*conv(3, 64, 11, 4, 2), pool, *conv(64, 192, 5, 1, 2), pool, *conv(192, 384, 3, 1, 1),
             *conv(384, 256, 3, 1, 1), *conv(256, 256, 3, 1, 1), pool])

    models = types.ModuleType("torchvision.models")
    models.vgg16, models.alexnet = vgg16, alexnet
    return models


def random_lpips(net, folder):
    """LPIPS 0.1 of the package lpips in float64 with its own weights, by a random network, and the files of both."""
    if "lpips" not in sys.modules:
        torchvision = types.ModuleType("torchvision")
        torchvision.models = torchvision_models()
        sys.modules["torchvision"], sys.modules["torchvision.models"] = torchvision, torchvision.models
    import lpips

    torch.manual_seed(5)
    model = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    for module in model.net.modules():
        if isinstance(module, torch.nn.Conv2d):
            # PyTorch's own beginning would leave little but biases of so many layers.
            torch.nn.init.kaiming_normal_(module.weight)
            torch.nn.init.normal_(module.bias, std=0.1)
    # slice2.7.weight is torchvision's features.7.weight.
    state = {f"features.{name.split('.', 1)[1]}": value for name, value in model.net.state_dict().items()}
    files = folder / f"{net}.safetensors", folder / f"lpips-{net}.safetensors"
    save_file(state, files[0])
    weights = pathlib.Path(lpips.__file__).parent / "weights" / "v0.1" / f"{net}.pth"
    save_file(torch.load(weights, map_location="cpu"), files[1])
    model.double()

    def distance(a, b):
        """Of pictures [height][width][3] in 0...255."""
        with torch.no_grad():
            return float(model(*(torch.from_numpy(p.transpose(2, 0, 1)[None] / 127.5 - 1).double() for p in (a, b))))

    return distance, *files
