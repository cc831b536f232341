// The canvas that one draws on, by mouse, finger, pen or keys.

export class Pad {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {HTMLElement} mark shows the keyboard's brush above the canvas
   * @param {() => {tool: string, size: number, colour: number[], tolerance: number}} brush asked at every stroke
   * @param {() => void} onChange called while drawing
   * @param {() => void} onEnd called when a stroke is done
   */
  constructor(canvas, mark, brush, onChange, onEnd) {
    this.canvas = canvas;
    this.mark = mark;
    this.brush = brush;
    this.onChange = onChange;
    this.onEnd = onEnd;
    this.pointer = null;
    /** The place of the keyboard's brush; null where there is none. */
    this.cursor = null;
    canvas.addEventListener('pointerdown', (event) => this.down(event));
    canvas.addEventListener('pointermove', (event) => this.move(event));
    canvas.addEventListener('pointerup', (event) => this.up(event));
    canvas.addEventListener('pointercancel', (event) => this.cancel(event));
    canvas.addEventListener('keydown', (event) => this.key(event));
    canvas.addEventListener('focus', () => this.showCursor());
    canvas.addEventListener('blur', () => {
      this.cursor = null;
      this.draw();
    });
  }

  show(drawing) {
    this.drawing = drawing;
    this.draw();
  }

  draw() {
    const { canvas, drawing } = this;
    if (!drawing) return;
    if (canvas.width !== drawing.width || canvas.height !== drawing.height) {
      canvas.width = drawing.width;
      canvas.height = drawing.height;
    }
    const context = canvas.getContext('2d');
    context.putImageData(drawing.image(), 0, 0);
    this.mark.hidden = !this.cursor;
    if (!this.cursor) return;
    const { size } = this.brush();
    const share = (pixels, side) => `${(100 * pixels) / side}%`;
    this.mark.style.left = share(this.cursor.x + 0.5 - size / 2, drawing.width);
    this.mark.style.top = share(this.cursor.y + 0.5 - size / 2, drawing.height);
    this.mark.style.width = share(size, drawing.width);
    this.mark.style.height = share(size, drawing.height);
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return {
      x: Math.floor(((event.clientX - box.left) / box.width) * this.drawing.width),
      y: Math.floor(((event.clientY - box.top) / box.height) * this.drawing.height),
    };
  }

  // Pointers: one draws at a time; a second finger changes nothing.

  down(event) {
    if (!this.drawing || this.pointer !== null || event.button > 0) return;
    event.preventDefault();
    this.canvas.focus({ preventScroll: true });
    this.cursor = null;
    this.pointer = event.pointerId;
    try {
      this.canvas.setPointerCapture(event.pointerId);
    } catch {
      // A pointer that is gone already draws a dot.
    }
    this.start = this.last = this.place(event);
    this.begin(this.start, this.width(event));
  }

  /** A pen draws broader where it is pressed. */
  width(event) {
    const { size } = this.brush();
    return event.pointerType === 'pen' && event.pressure > 0
      ? Math.max(1, Math.round(size * 2 * event.pressure)) : size;
  }

  begin(place, size) {
    const { tool, colour, tolerance } = this.brush();
    this.drawing.remember();
    if (tool === 'fill') this.drawing.fill(place.x, place.y, colour, tolerance);
    else if (tool === 'rectangle') this.drawing.rectangle(place, place, colour);
    else this.drawing.line(place, place, size, colour);
    this.changed();
  }

  move(event) {
    if (event.pointerId !== this.pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const part of events.length > 0 ? events : [event]) this.extend(this.place(part), this.width(part));
    this.changed();
  }

  extend(to, size) {
    const { tool, colour } = this.brush();
    if (tool === 'fill') return;
    if (tool === 'line' || tool === 'rectangle') {
      // The shape as it was before, with another end.
      this.drawing.forget();
      this.drawing.remember();
      if (tool === 'line') this.drawing.line(this.start, to, size, colour);
      else this.drawing.rectangle(this.start, to, colour);
    } else {
      this.drawing.line(this.last, to, size, colour);
    }
    this.last = to;
  }

  up(event) {
    if (event.pointerId !== this.pointer) return;
    this.pointer = null;
    this.onEnd();
  }

  /** A gesture of the system took the pointer: what it drew is taken back. */
  cancel(event) {
    if (event.pointerId !== this.pointer) return;
    this.pointer = null;
    this.drawing.forget();
    this.changed();
    this.onEnd();
  }

  changed() {
    this.draw();
    this.onChange();
  }

  // Keys: arrows move the brush (with Shift by ten), Space begins and ends a stroke, Enter makes a dot.

  showCursor() {
    if (!this.drawing || this.pointer !== null || !this.canvas.matches(':focus-visible')) return;
    this.cursor ??= { x: this.drawing.width >> 1, y: this.drawing.height >> 1 };
    this.draw();
  }

  key(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || !this.drawing) return;
    if (!steps && event.key !== ' ' && event.key !== 'Enter') return;
    event.preventDefault();
    this.cursor ??= { x: this.drawing.width >> 1, y: this.drawing.height >> 1 };
    if (steps) {
      const reach = event.shiftKey ? 10 : 1;
      this.cursor = {
        x: Math.min(Math.max(this.cursor.x + steps[0] * reach, 0), this.drawing.width - 1),
        y: Math.min(Math.max(this.cursor.y + steps[1] * reach, 0), this.drawing.height - 1),
      };
      if (this.pointer === 'keys') this.extend(this.cursor, this.brush().size);
      if (this.pointer === 'keys') this.onChange();
      this.draw();
      return;
    }
    if (this.pointer === 'keys') {
      this.pointer = null;
      this.onEnd();
    } else if (this.pointer === null) {
      this.start = this.last = this.cursor;
      this.begin(this.cursor, this.brush().size);
      if (event.key === ' ' && this.brush().tool !== 'fill') this.pointer = 'keys';
      else this.onEnd();
    }
  }
}
