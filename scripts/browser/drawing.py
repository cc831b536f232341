"""Drawing and translating in the page, held to `pix2pix translate`."""

import random
import zlib

from PIL import Image

from bench import SIZE, Page


def translated_as_drawn(bench, page, model, name):
    """The page's download equals what the command line makes of the page's drawing."""
    page.settle()
    drawing = bench.folder / f"{name}-drawing.png"
    page.save("#keep", drawing)
    downloaded = page.save("#download", bench.folder / f"{name}.png")
    again = bench.folder / f"{name}-again.png"
    again.unlink(missing_ok=True)
    bench.run("translate", "--like", bench.folder / f"{name}.png", "--out", again)
    expected = bench.translate(model, drawing)
    assert again.read_bytes() == expected, "translate --like makes another picture"
    assert Image.open(bench.folder / f"{name}.png").tobytes() == Image.open(again).tobytes(), "the download is another"
    assert page.shown() == expected, "the page shows another picture than translate makes"
    assert len(downloaded) > len(expected), "the download has no recipe"


def with_mouse(bench, browser):
    with bench.server() as server:
        page = Page(browser.new_context())
        page.open_translate(server, "fronts")
        first = page.canvas()
        page.page.click(".class >> nth=2")
        page.stroke((0.2, 0.2), (0.7, 0.3), (0.6, 0.8))
        assert page.canvas() != first
        drawn = page.canvas()
        translated_as_drawn(bench, page, bench.runs / "fronts", "mouse")
        page.page.click("[data-tool=rectangle]")
        page.page.click(".class >> nth=0")
        page.stroke((0.1, 0.6), (0.5, 0.9))
        page.page.click("[data-tool=line]")
        page.stroke((0.1, 0.1), (0.9, 0.9))
        page.page.click("[data-tool=fill]")
        page.stroke((0.95, 0.05))
        page.page.click("#eraser")
        page.stroke((0.5, 0.5), (0.6, 0.5))
        all_done = page.canvas()
        translated_as_drawn(bench, page, bench.runs / "fronts", "tools")
        for _ in range(4):
            page.page.click("#undo")
        assert page.canvas() == drawn, "undo does not come back"
        for _ in range(4):
            page.page.keyboard.press("Control+Shift+z")
        assert page.canvas() == all_done, "redo does not go on"
        bench.shot(page.page, "drawing")
        # A reload keeps the drawing.
        page.settle()
        page.page.wait_for_timeout(500)
        page.page.reload()
        page.settle()
        assert page.canvas() == all_done, "a reload loses the drawing"
        # Before and after, samples, another seed.
        page.page.fill("#samples", "3")
        page.page.press("#samples", "Tab")
        page.page.wait_for_selector(".sample >> nth=2")
        page.settle()
        page.page.locator("#slider").fill("50")
        assert page.page.is_visible("#before-canvas")
        source = page.page.get_attribute("#output", "src")
        page.page.click(".sample >> nth=1")
        assert page.page.get_attribute("#output", "src") != source
        page.page.click("#again")
        assert page.page.input_value("#seed") != ""
        page.settle()
        bench.shot(page.page, "samples")
        assert not page.complaints, page.complaints


def with_touch(bench, browser):
    with bench.server() as server:
        context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
        page = Page(context)
        page.open_translate(server, "fronts")
        first = page.canvas()
        page.page.tap(".class >> nth=3")
        page.page.locator("#drawing").scroll_into_view_if_needed()
        box = page.page.locator("#drawing").bounding_box()
        scrolled = page.page.evaluate("scrollY")
        session = context.new_cdp_session(page.page)

        def touch(kind, *points):
            session.send("Input.dispatchTouchEvent", {
                "type": kind,
                "touchPoints": [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}
                                for x, y in points]})

        touch("touchStart", (0.2, 0.2))
        for place in range(1, 8):
            touch("touchMove", (0.2 + 0.08 * place, 0.2 + 0.07 * place))
        touch("touchEnd")
        assert page.canvas() != first, "a finger draws nothing"
        assert page.page.evaluate("scrollY") == scrolled, "a finger scrolls the page instead of drawing"
        translated_as_drawn(bench, page, bench.runs / "fronts", "touch")
        bench.shot(page.page, "phone")
        assert not page.complaints, page.complaints


def with_keys(bench, browser):
    with bench.server() as server:
        page = Page(browser.new_context())
        page.open_translate(server, "fronts")
        keyboard = page.page.keyboard

        def tab_to(selector):
            for _ in range(80):
                keyboard.press("Tab")
                if page.page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
                    return
            raise AssertionError(f"Tab does not come to {selector}")

        page.page.evaluate("document.activeElement.blur()")
        tab_to("[data-tool=pen]")
        keyboard.press("Enter")
        tab_to(".class")
        keyboard.press("ArrowRight")
        tab_to("#drawing")
        first = page.canvas()
        keyboard.press(" ")
        for _ in range(2):
            keyboard.press("Shift+ArrowRight")
        keyboard.press("Shift+ArrowDown")
        keyboard.press(" ")
        bench.shot(page.page, "keys")
        tab_to("#open")
        assert page.canvas() != first, "keys draw nothing"
        translated_as_drawn(bench, page, bench.runs / "fronts", "keys")
        keyboard.press("Control+z")
        assert page.canvas() == first
        assert not page.complaints, page.complaints


def with_files(bench, browser):
    folder = bench.folder
    source = sorted((folder / "labels" / "val").glob("*.png"))[0]
    photo = sorted((folder / "photos" / "val").glob("*.png"))[0]
    # Models of edges take any picture as a drawing.
    deep = folder / "deep.png"
    Image.frombytes("I;16", (SIZE, SIZE), bytes(random.Random(1).randbytes(2 * SIZE * SIZE))).save(deep)
    jpeg = folder / "photo.jpg"
    Image.open(photo).resize((90, 70)).save(jpeg, quality=90)
    broken = folder / "broken.png"
    broken.write_bytes(photo.read_bytes()[:300])
    text = folder / "words.png"
    text.write_text("no picture at all\n")
    bomb = folder / "bomb.png"
    bomb.write_bytes(png_header(16000, 16000))
    large = folder / "large.png"
    large.write_bytes(bytes(60 << 20))
    larger = folder / "larger.png"
    larger.write_bytes(bytes(65 << 20))
    with bench.server() as server:
        page = Page(browser.new_context())
        page.open_translate(server, "fronts")
        page.drop(source)
        translated_as_drawn(bench, page, bench.runs / "fronts", "png")
        before = page.canvas()
        # A photograph is no label map.
        page.drop(photo)
        page.wait_for_message("colour")
        assert page.canvas() == before, "a file that is refused changed the drawing"
        page.choose_model("edges")
        page.page.uncheck("#photograph")
        for path, kind in ((jpeg, "image/jpeg"), (deep, "image/png")):
            page.drop(path, kind)
            page.settle()
            assert page.shown() == bench.translate(bench.runs / "edges", path), f"{path.name} is translated otherwise"
        before = page.canvas()
        for path, pattern in ((broken, "ends too early"), (text, "not a PNG"), (bomb, "too early|damaged|pixels")):
            page.drop(path)
            page.wait_for_message(pattern)
            bench.shot(page.page, f"refused-{path.stem}")
            assert page.canvas() == before, f"{path.name} changed the drawing"
        for path, pattern in ((large, "not a PNG"), (larger, "takes 64 MiB")):
            page.page.set_input_files("#file", path)
            page.wait_for_message(pattern)
        # The photograph itself: the page shows the edges that the task makes of it.
        page.page.check("#photograph")
        page.drop(photo)
        page.settle()
        assert page.canvas() != before
        translated_as_drawn(bench, page, bench.runs / "edges", "edges")
        bench.shot(page.page, "edges")
        page.choose_model("inpaint")
        page.drop(photo)
        page.settle()
        before = page.canvas()
        page.stroke((0.1, 0.1), (0.9, 0.1))
        assert page.canvas() != before, "holes are not drawn"
        translated_as_drawn(bench, page, bench.runs / "inpaint", "inpaint")
        bench.shot(page.page, "inpaint")
        errors = [line for line in page.complaints if "Failed to load resource" not in line]
        assert not errors, errors


def while_loading(bench, browser):
    """What is drawn while a model's first example is on its way stays."""
    with bench.server() as server:
        page = Page(browser.new_context())
        held = []
        page.page.route("**/api/models/inpaint/examples/0?input=0", lambda route: held.append(route))
        page.open_translate(server, "fronts")
        page.page.select_option("#model", "inpaint")
        page.page.wait_for_function("() => document.getElementById('facts').textContent.startsWith('inpaint')")
        page.stroke((0.3, 0.5), (0.7, 0.5))
        drawn = page.canvas()
        for route in held:
            route.continue_()
        page.page.wait_for_timeout(1000)
        page.settle()
        assert page.canvas() == drawn, "an example took the place of a drawing"


def png_header(width, height):
    """A PNG that claims a size and holds next to nothing."""
    def chunk(name, content):
        body = name + content
        return len(content).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 6, 0, 0, 0])
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000)))
            + chunk(b"IEND", b""))


def without_server(bench, browser):
    with bench.server() as server:
        port = server.port
        page = Page(browser.new_context())
        page.open_translate(server, "fronts")
    page.page.click(".class >> nth=2")
    page.stroke((0.2, 0.5), (0.8, 0.5))
    drawn = page.canvas()
    page.wait_for_message("does not answer")
    bench.shot(page.page, "away")
    source = page.page.get_attribute("#output", "src")
    with bench.server(bench.runs, "--port", port):
        page.page.wait_for_function(
            "(source) => document.getElementById('output').src !== source", arg=source, timeout=60000)
        page.settle()
        assert page.canvas() == drawn
        assert page.message() == ""
        translated_as_drawn(bench, page, bench.runs / "fronts", "away")
