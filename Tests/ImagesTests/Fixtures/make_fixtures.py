#!/usr/bin/env python3
"""Makes the files beside this one. Needs Pillow, numpy and scikit-image, and cjpeg and jpegtran (libjpeg-turbo-progs); run it
only to change them.

PNG files are written here byte by byte (zlib and struct only), so that reading them with libpng is
checked by something that is not libpng. Their samples follow a formula that the tests know too.
JPEG files, and everything named expected_*, are Pillow's.
"""

import io
import pathlib
import struct
import subprocess
import zlib

import numpy as np
import skimage
from PIL import Image, ImageOps, features
from skimage import color, data, feature

HERE = pathlib.Path(__file__).parent


def chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def packed_row(samples, depth):
    """samples: 1-D ints -> bytes, high bits first."""
    if depth == 16:
        return b"".join(struct.pack(">H", v) for v in samples)
    if depth == 8:
        return bytes(samples)
    bits = "".join(format(v, f"0{depth}b") for v in samples)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))


def write_png(name, samples, depth, colour_type, interlaced=False, extra=b""):
    """samples: [H][W][C] ints."""
    height, width = len(samples), len(samples[0])
    passes = [(0, 0, 1, 1)]
    if interlaced:  # Adam7: first x, first y, step x, step y
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    raw = b""
    for x0, y0, dx, dy in passes:
        for y in range(y0, height, dy):
            row = [v for x in range(x0, width, dx) for v in samples[y][x]]
            if row:
                raw += b"\0" + packed_row(row, depth)
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, int(interlaced))
    (HERE / name).write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", zlib.compress(raw, 9))
        + chunk(b"IEND", b"")
    )


def formula(width, height, channels, depth):
    """The tests compute the same numbers: see PNGTests.formula."""
    top = (1 << depth) - 1
    factor = 1 if depth <= 8 else 257
    return [
        [[((37 * x + 101 * y + 59 * c + 11) * factor) % (top + 1) for c in range(channels)] for x in range(width)]
        for y in range(height)
    ]


GRAY, RGB, PALETTE, GRAY_ALPHA, RGBA = 0, 2, 3, 4, 6


def png_files():
    width, height = 13, 9
    for depth in (1, 2, 4, 8, 16):
        write_png(f"gray{depth}.png", formula(width, height, 1, depth), depth, GRAY)
    for depth in (8, 16):
        write_png(f"grayalpha{depth}.png", formula(width, height, 2, depth), depth, GRAY_ALPHA)
        write_png(f"rgb{depth}.png", formula(width, height, 3, depth), depth, RGB)
        write_png(f"rgba{depth}.png", formula(width, height, 4, depth), depth, RGBA)
    write_png("rgb8_interlaced.png", formula(width, height, 3, 8), 8, RGB, interlaced=True)
    write_png("gray4_interlaced.png", formula(width, height, 1, 4), 4, GRAY, interlaced=True)
    for depth in (1, 2, 4, 8):
        entries = 1 << depth
        # Entry i has the colour (i * 7 + 5, i * 13 + 50, 255 - i), and in the file with tRNS alpha 255 - i.
        palette = b"".join(bytes([(i * 7 + 5) % 256, (i * 13 + 50) % 256, 255 - i]) for i in range(entries))
        plte = chunk(b"PLTE", palette)
        write_png(f"palette{depth}.png", formula(width, height, 1, depth), depth, PALETTE, extra=plte)
        if depth == 8:
            trns = chunk(b"tRNS", bytes(255 - i for i in range(entries)))
            write_png("palette8_trns.png", formula(width, height, 1, depth), depth, PALETTE, extra=plte + trns)
    write_png("one_pixel.png", formula(1, 1, 3, 8), 8, RGB)
    # Alpha over white by Pillow.
    rgba = Image.open(HERE / "rgba8.png")
    white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
    Image.alpha_composite(white, rgba).convert("RGB").save(HERE / "expected_rgba8_over_white.png", optimize=True)


def resize_files():
    random = np.random.default_rng(1)
    noise = random.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    noise[10:20, 10:30] = random.choice([0, 255], (10, 20, 3))  # hard edges make the bicubic overshoot
    source = Image.fromarray(noise)
    source.save(HERE / "resize_source.png", optimize=True)
    for method in ("nearest", "bilinear", "bicubic"):
        filter = getattr(Image.Resampling, method.upper())
        for size in ((57, 45), (13, 9), (20, 64), (40, 11), (7, 30), (3, 2)):
            source.resize(size, filter).save(
                HERE / f"expected_{method}_{size[0]}x{size[1]}.png", optimize=True
            )
    # 286 from 256 along one axis, the sizes of training.
    strip = Image.fromarray(random.integers(0, 256, (3, 256), dtype=np.uint8))
    strip.save(HERE / "resize_strip.png", optimize=True)
    for method in ("nearest", "bicubic"):
        strip.resize((286, 3), getattr(Image.Resampling, method.upper())).save(
            HERE / f"expected_strip_{method}_286x3.png", optimize=True
        )
    gray16 = Image.fromarray(random.integers(0, 65536, (20, 24), dtype=np.uint16))
    gray16.save(HERE / "resize_gray16.png")
    for size in ((31, 29), (9, 7)):
        gray16.resize(size, Image.Resampling.BICUBIC).save(HERE / f"expected_gray16_bicubic_{size[0]}x{size[1]}.png")


def photo(width, height):
    """A smooth picture without any symmetry."""
    y, x = np.mgrid[0:height, 0:width]
    red = 255 * x / (width - 1)
    green = 255 * y / (height - 1)
    blue = 127.5 + 127.5 * np.sin(x * 0.35 + y * y * 0.02)
    return Image.fromarray(np.stack([red, green, blue], -1).round().astype(np.uint8))


def jpeg_files():
    picture = photo(52, 37)

    def save(name, image, expected=True, **options):
        image.save(HERE / f"{name}.jpg", **options)
        if expected:
            decoded = ImageOps.exif_transpose(Image.open(HERE / f"{name}.jpg"))
            decoded.save(HERE / f"expected_{name}.png", optimize=True)

    save("jpeg_420", picture, quality=90, subsampling="4:2:0")
    save("jpeg_444", picture, quality=90, subsampling="4:4:4")
    save("jpeg_progressive", picture, quality=90, progressive=True)
    save("jpeg_gray", picture.convert("L"), quality=90)
    save("jpeg_cmyk", picture.resize((16, 16)).convert("CMYK"), expected=False, quality=80)
    small = photo(24, 17)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x112] = orientation
        if orientation % 2:  # both byte orders
            exif.endian = "<"
        save(f"jpeg_orientation{orientation}", small, quality=85, exif=exif, subsampling="4:4:4")

    # A decoded picture encoded once more, with 4:2:0 by default.
    again = io.BytesIO()
    Image.open(HERE / "expected_jpeg_444.png").save(again, "JPEG", quality=75)
    Image.open(again).save(HERE / "expected_jpeg_again.png", optimize=True)

    # Samplings that Pillow does not write; it decodes them.
    pixels = io.BytesIO()
    picture.save(pixels, "PPM")
    for name, sampling in (("4x2", "4x2,1x1,1x1"), ("3x1", "3x1,1x1,1x1"), ("mixed", "2x2,1x2,2x1")):
        command = ["cjpeg", "-quality", "90", "-sample", sampling]
        written = subprocess.run(command, input=pixels.getvalue(), stdout=subprocess.PIPE, check=True)
        (HERE / f"jpeg_{name}.jpg").write_bytes(written.stdout)
        Image.open(HERE / f"jpeg_{name}.jpg").save(HERE / f"expected_jpeg_{name}.png", optimize=True)
    # The coefficients of jpeg_420 in arithmetic coding.
    for name, options in (("", []), ("_progressive", ["-progressive"])):
        command = ["jpegtran", "-arithmetic", *options, HERE / "jpeg_420.jpg"]
        written = subprocess.run(command, stdout=subprocess.PIPE, check=True)
        (HERE / f"jpeg_arithmetic{name}.jpg").write_bytes(written.stdout)


def plane_files():
    """Gray as Pillow's mode "L" has it, RGBA resized with its alpha, and Lab by scikit-image."""
    Image.open(HERE / "rgb8.png").convert("L").save(HERE / "expected_rgb8_luma.png", optimize=True)
    random = np.random.default_rng(2)
    cutout = random.integers(0, 256, (14, 18, 4), dtype=np.uint8)
    cutout[3:9, 4:12, 3] = 0  # transparent and opaque parts, with other values between them
    cutout[9:13, 2:9, 3] = 255
    cutout = Image.fromarray(cutout)
    cutout.save(HERE / "resize_rgba.png", optimize=True)
    for size in ((25, 31), (7, 5)):
        cutout.resize(size, Image.Resampling.BICUBIC).save(
            HERE / f"expected_rgba_bicubic_{size[0]}x{size[1]}.png", optimize=True
        )
    # Rows of L, a, b beside r, g, b: the corners, grays around the bends of both curves, and any colours.
    levels = np.concatenate(
        [
            np.array([[r, g, b] for r in (0, 255) for g in (0, 255) for b in (0, 255)]),
            np.repeat(np.arange(0, 24), 3).reshape(-1, 3),
            random.integers(0, 256, (200, 3)),
        ]
    )
    lab = color.rgb2lab(levels[None] / 255)[0]
    rows = np.concatenate([levels, lab], 1)
    np.savetxt(HERE / "lab_of_rgb.txt", rows, "%d %d %d %.12f %.12f %.12f")
    # The way back, most of these being no colours of sRGB: those are clamped.
    lab = random.uniform((0, -110, -110), (100, 110, 110), (200, 3))
    np.savetxt(HERE / "rgb_of_lab.txt", np.concatenate([lab, color.lab2rgb(lab[None])[0]], 1), "%.12f")


def photograph_files():
    """A real photograph (NASA's portrait of Eileen Collins, public domain), its edges by scikit-image, and what
    is left of it after a reduction by Pillow."""
    astronaut = Image.fromarray(data.astronaut()).crop((90, 0, 410, 240)).resize((120, 90), Image.Resampling.BICUBIC)
    astronaut.save(HERE / "astronaut.png", optimize=True)
    gray = np.asarray(astronaut.convert("L")) / 255
    for name, sigma, low, high in (("1", 1, 0.1, 0.2), ("1.5", 1.5, 0.1, 0.25), ("3", 3, 0.05, 0.2)):
        edges = feature.canny(gray, sigma=sigma, low_threshold=low, high_threshold=high)
        Image.fromarray(np.where(edges, 0, 255).astype(np.uint8)).convert("1").save(
            HERE / f"expected_canny_{name}.png", optimize=True
        )
    for factor, small in ((4, (30, 23)), (7, (17, 13))):
        astronaut.resize(small, Image.Resampling.BICUBIC).resize(astronaut.size, Image.Resampling.BICUBIC).save(
            HERE / f"expected_reduced_by_{factor}.png", optimize=True
        )


def label_map_file():
    """A label map as nobody should store one: JPEG blurs the seams of its classes."""
    colours = [(0, 0, 170), (255, 170, 0), (0, 170, 255), (170, 0, 0), (0, 85, 255)]
    picture = np.zeros((96, 96, 3), dtype=np.uint8)
    for index, (x, y, width, height) in enumerate(((8, 10, 70, 76), (20, 20, 14, 18), (48, 22, 15, 17), (30, 60, 22, 26))):
        picture[y : y + height, x : x + width] = colours[index + 1]
    picture[(picture == 0).all(-1)] = colours[0]
    Image.fromarray(picture).save(HERE / "label_map.jpg", quality=80)


def array_files():
    """numpy's arrays [9, 12, 5] and some that are no pictures."""
    y, x, c = np.mgrid[0:9, 0:12, 0:5]
    levels = (37 * y + 11 * x + 101 * c) % 251

    def save(name, array):
        np.save(HERE / f"array_{name}.npy", array)

    save("u1", levels.astype(np.uint8))
    save("u2_big_first", (levels * 257).transpose(2, 0, 1).astype(">u2"))
    save("f4", (levels / 250).astype(np.float32))
    save("f8_fortran", np.asfortranarray(levels / 250))
    save("f8_fortran_first", np.asfortranarray((levels / 250).transpose(2, 0, 1)))
    save("b1", levels[..., 0] % 2 == 1)
    save("rgb", levels[..., :3].astype(np.uint8))
    with open(HERE / "array_version2.npy", "wb") as file:
        np.lib.format.write_array(file, levels[..., :2].astype("<u2"), version=(2, 0))
    save("i4", levels.astype(np.int32))
    save("records", np.zeros((9, 12), dtype=[("red", "u1"), ("green", "u1")]))
    save("4_axes", np.zeros((1, 9, 12, 5), dtype=np.uint8))
    save("negative", (levels / 250 - 0.5).astype(np.float32))
    save("nan", np.full((9, 12), np.nan))


if __name__ == "__main__":
    png_files()
    resize_files()
    jpeg_files()
    plane_files()
    photograph_files()
    label_map_file()
    array_files()
    print("Pillow", Image.__version__, "libjpeg-turbo", features.version("libjpeg_turbo"))
    print("scikit-image", skimage.__version__)
    print(sum(f.stat().st_size for f in HERE.iterdir()), "bytes")
