// A drawing of exact colours: nothing is smoothed, since a blend of two classes' colours is no class.

/** Bytes of earlier states that are kept for undo. */
const MOST_HISTORY = 96 << 20;

export class Drawing {
  /** Opaque, of one colour [red, green, blue, alpha]. */
  constructor(width, height, colour) {
    this.width = width;
    this.height = height;
    this.pixels = new Uint8ClampedArray(width * height * 4);
    this.past = [];
    this.future = [];
    this.clear(colour);
  }

  // Undo and redo.

  /** Keeps the state before a change. */
  remember() {
    this.past.push(this.state());
    this.future = [];
    while (this.past.length * this.pixels.length > MOST_HISTORY && this.past.length > 1) this.past.shift();
  }

  state() {
    return { width: this.width, height: this.height, pixels: this.pixels.slice(), file: this.file };
  }

  /** Takes the last remembered state back as if nothing had been begun. */
  forget() {
    this.restore(this.past.pop());
  }

  undo() {
    if (this.past.length === 0) return false;
    this.future.push(this.state());
    this.restore(this.past.pop());
    return true;
  }

  redo() {
    if (this.future.length === 0) return false;
    this.past.push(this.state());
    this.restore(this.future.pop());
    return true;
  }

  restore(state) {
    Object.assign(this, { ...state, pixels: state.pixels.slice() });
  }

  // Changes. Each makes the drawing differ from the file that it was opened from.

  set(x, y, [red, green, blue, alpha]) {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return;
    const at = (y * this.width + x) * 4;
    this.pixels[at] = red;
    this.pixels[at + 1] = green;
    this.pixels[at + 2] = blue;
    this.pixels[at + 3] = alpha;
  }

  clear(colour) {
    this.file = null;
    for (let at = 0; at < this.pixels.length; at += 4) this.pixels.set(colour, at);
  }

  /** A round brush of so many pixels across. */
  stamp(x, y, size, colour) {
    this.file = null;
    const radius = size / 2;
    const [left, top] = [Math.round(x - radius + 0.5), Math.round(y - radius + 0.5)];
    for (let row = top; row < top + size; row += 1) {
      for (let column = left; column < left + size; column += 1) {
        const [dx, dy] = [column + 0.5 - left - radius, row + 0.5 - top - radius];
        if (size < 3 || dx * dx + dy * dy <= radius * radius) this.set(column, row, colour);
      }
    }
  }

  line(from, to, size, colour) {
    const steps = Math.max(Math.abs(to.x - from.x), Math.abs(to.y - from.y), 1);
    for (let step = 0; step <= steps; step += 1) {
      const share = step / steps;
      this.stamp(
        Math.round(from.x + (to.x - from.x) * share), Math.round(from.y + (to.y - from.y) * share), size, colour);
    }
  }

  rectangle(from, to, colour) {
    this.file = null;
    const [left, right] = [Math.min(from.x, to.x), Math.max(from.x, to.x)];
    const [top, bottom] = [Math.min(from.y, to.y), Math.max(from.y, to.y)];
    for (let y = top; y <= bottom; y += 1) for (let x = left; x <= right; x += 1) this.set(x, y, colour);
  }

  /** Fills the area around a pixel whose colours differ from its own by no more than `tolerance`. */
  fill(x, y, colour, tolerance) {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return;
    this.file = null;
    const { width, height, pixels } = this;
    const start = (y * width + x) * 4;
    const own = pixels.slice(start, start + 4);
    const seen = new Uint8Array(width * height);
    const isAlike = (place) => {
      for (let channel = 0; channel < 4; channel += 1) {
        if (Math.abs(pixels[place * 4 + channel] - own[channel]) > tolerance) return false;
      }
      return true;
    };
    const waiting = [y * width + x];
    seen[y * width + x] = 1;
    while (waiting.length > 0) {
      const place = waiting.pop();
      const column = place % width;
      const neighbours = [];
      if (column > 0) neighbours.push(place - 1);
      if (column < width - 1) neighbours.push(place + 1);
      if (place >= width) neighbours.push(place - width);
      if (place < width * (height - 1)) neighbours.push(place + width);
      for (const next of neighbours) {
        if (!seen[next] && isAlike(next)) {
          seen[next] = 1;
          waiting.push(next);
        }
      }
    }
    for (let place = 0; place < seen.length; place += 1) if (seen[place]) pixels.set(colour, place * 4);
  }

  /**
   * Takes over a picture's pixels.
   * @param {Blob | null} file what is translated as long as nothing is drawn on it
   */
  load(image, file) {
    this.width = image.width;
    this.height = image.height;
    this.pixels = new Uint8ClampedArray(image.data);
    this.file = file;
  }

  // Files.

  image() {
    return new ImageData(this.pixels.slice(), this.width, this.height);
  }

  /** The file to translate: the one that was opened, or a PNG of what was drawn. */
  async toFile() {
    return this.file ?? pngOf(this.image());
  }
}

/** A PNG of pixels. */
export async function pngOf(image) {
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext('2d').putImageData(image, 0, 0);
  return canvas.convertToBlob({ type: 'image/png' });
}

/** The pixels of a picture's file, without any change of its colours. */
export async function pixelsOf(blob) {
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}
