// The page that translates what one draws.

import * as api from './api.js';
import { Drawing, pixelsOf, pngOf } from './drawing.js';
import { Pad } from './pad.js';
import * as store from './store.js';

const $ = (id) => document.getElementById(id);
/** Bytes of a picture that the server takes. */
const MOST_BYTES = 64 << 20;

const state = {
  models: [],
  model: null,
  /** A drawing for each input of the model. */
  drawings: [],
  input: 0,
  tool: 'pen',
  colour: [0, 0, 0, 255],
  /** Downloads and samples, by their number. */
  results: [],
  shown: 0,
};

const pad = new Pad($('drawing'), $('brush-mark'), brush, () => translation.wish(), () => {
  showHistory();
  save();
  translation.wish();
});

// Messages.

function say(text, isError = false) {
  $('message').textContent = text;
  $('message').classList.toggle('error', isError);
}

// Brushes.

function side() {
  return state.model.inputs[state.input];
}

function brush() {
  const isLabels = side().kind === 'labels';
  return {
    tool: state.tool === 'eraser' ? 'pen' : state.tool,
    size: Number($('size').value),
    colour: state.tool === 'eraser' ? ground(side()) : state.colour,
    // Photographs have no two equal pixels.
    tolerance: isLabels ? 0 : 24,
  };
}

const rgba = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)).concat(255);

/** The colour of an empty drawing, which the eraser leaves. */
function ground(input) {
  switch (input.kind) {
    case 'labels': return rgba(input.classes[0].colour);
    case 'rgba': return [128, 128, 128, 0];
    case 'lightness': return [128, 128, 128, 255];
    default: return [255, 255, 255, 255];
  }
}

function choose(colour) {
  state.colour = colour;
  if (state.tool === 'eraser') chooseTool('pen');
}

function chooseTool(tool) {
  state.tool = tool;
  for (const button of $('tools').querySelectorAll('[data-tool]')) {
    button.setAttribute('aria-pressed', String(button.dataset.tool === tool));
  }
}

function showBrushes() {
  const { kind, classes } = side();
  $('classes').replaceChildren();
  $('classes').hidden = kind !== 'labels';
  $('colour-field').hidden = !['rgb', 'rgba', 'channels'].includes(kind);
  $('gray-field').hidden = !['gray', 'lightness'].includes(kind);
  $('eraser').textContent = kind === 'rgba' ? 'Hole' : 'Eraser';
  if (kind === 'labels') {
    classes.forEach(({ colour, name }, number) => {
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'class';
      button.setAttribute('role', 'radio');
      const swatch = document.createElement('span');
      swatch.className = 'swatch';
      swatch.style.background = colour;
      button.append(swatch, name ?? `class ${number}`);
      button.title = colour;
      button.addEventListener('click', () => {
        choose(rgba(colour));
        markClass(number);
      });
      $('classes').append(button);
    });
    const first = Math.min(1, classes.length - 1);
    choose(rgba(classes[first].colour));
    markClass(first);
  } else if (kind === 'gray' || kind === 'lightness') {
    chooseGray();
  } else {
    choose(rgba($('colour').value));
    if (kind === 'rgba') chooseTool('eraser');
  }
}

function markClass(number) {
  [...$('classes').children].forEach((button, place) => {
    button.setAttribute('aria-checked', String(place === number));
    button.tabIndex = place === number ? 0 : -1;
  });
}

function chooseGray() {
  const level = Number($('gray').value);
  $('gray-value').textContent = String(level);
  choose([level, level, level, 255]);
}

// Drawings.

function drawing() {
  return state.drawings[state.input];
}

/** Whether somebody has drawn on the model's inputs since they were shown. */
const isTouched = () => state.drawings.some((one) => one.past.length > 0);

function showDrawing() {
  pad.show(drawing());
  showHistory();
}

function showHistory() {
  $('undo').disabled = drawing().past.length === 0;
  $('redo').disabled = drawing().future.length === 0;
}

function change(act) {
  drawing().remember();
  act(drawing());
  changed();
}

function changed() {
  showDrawing();
  save();
  translation.wish();
}

let saving = Promise.resolve();

/** Keeps the drawings of the model in the browser, one save after the other. */
function save() {
  const { model, drawings } = state;
  if (!model) return;
  const images = drawings.map((one) => one.image());
  const files = drawings.map((one) => one.file ?? null);
  saving = saving
    .then(async () => store.keep(model.name, { pictures: await Promise.all(images.map(pngOf)), files }))
    .catch(() => {});
}

async function restore(model) {
  const found = await store.kept(model.name).catch(() => undefined);
  if (found?.pictures?.length !== model.inputs.length) return false;
  try {
    const images = await Promise.all(found.pictures.map(pixelsOf));
    if (state.model !== model || isTouched()) return true;
    images.forEach((image, place) => state.drawings[place].load(image, found.files[place]));
    return true;
  } catch {
    return false;
  }
}

/** Opens a picture: shows it as the model sees it, and translates the file itself until something is drawn on it. */
async function open(file, isPhotograph = $('photograph').checked) {
  if (!state.model) return;
  if (file.size > MOST_BYTES) {
    say(`The file has ${Math.ceil(file.size / (1 << 20))} MiB; the server takes ${MOST_BYTES >> 20} MiB.`, true);
    return;
  }
  const [model, place] = [state.model, state.input];
  say('Opening…');
  try {
    const asTask = Boolean(model.task) && isPhotograph;
    const seen = await api.input(model.name, file, place, asTask);
    if (state.model !== model) return;
    let [picture, source] = [seen, asTask ? seen : file];
    if ($('resolution').value === 'own' && !asTask) {
      // What the browser cannot read is shown as the model sees it.
      picture = (await createImageBitmap(file).then((image) => image.close()).catch(() => false)) === false
        ? seen : file;
    }
    const pixels = await pixelsOf(picture);
    state.drawings[place].remember();
    state.drawings[place].load(pixels, source);
    say('');
    changed();
  } catch (error) {
    say(error.message, true);
  }
}

// Translating: at most one at a time, and the newest drawing wins.

const translation = {
  isWished: false,
  isUnderWay: false,
  failures: 0,

  wish() {
    this.isWished = true;
    if (!this.isUnderWay) this.go();
  },

  async go() {
    this.isUnderWay = true;
    while (this.isWished && state.model) {
      this.isWished = false;
      try {
        await this.once();
        this.failures = 0;
        if ($('message').classList.contains('away')) say('');
        $('message').classList.remove('away');
      } catch (error) {
        if (!error.isGone) {
          say(error.message, true);
          continue;
        }
        say('The server does not answer. The drawing is kept here; trying again.', true);
        $('message').classList.add('away');
        this.failures += 1;
        await new Promise((resolve) => setTimeout(resolve, Math.min(500 * 2 ** this.failures, 10000)));
        this.isWished = true;
      }
    }
    this.isUnderWay = false;
  },

  async once() {
    const { model } = state;
    const files = await Promise.all(state.drawings.map((one) => one.toFile()));
    const count = model.isRandom ? Number($('samples').value) : 1;
    const began = performance.now();
    for (let number = 1; number <= count; number += 1) {
      const { picture, milliseconds } = await api.translate(settings(number), files);
      if (state.model !== model) return;
      show(number, picture, count);
      $('time').textContent =
        `${Math.round(milliseconds)} ms, ${Math.round(performance.now() - began)} ms with the way here`;
      // The drawing has changed: its samples come first.
      if (this.isWished) return;
    }
    if ($('message').classList.contains('error')) say('');
  },
};

function settings(sample) {
  const { model } = state;
  const dropout = model.isRandom && $('dropout').value;
  return {
    model: model.name,
    sample: sample === 1 ? undefined : sample,
    seed: dropout === 'off' ? undefined : $('seed').value,
    dropout: dropout === 'off' ? 'off' : undefined,
    statistics: model.hasRunningStatistics ? $('statistics').value : undefined,
    size: $('resolution').value,
  };
}

function show(number, picture, count) {
  for (const old of state.results.splice(count)) URL.revokeObjectURL(old.url);
  const old = state.results[number - 1];
  state.results[number - 1] = { picture, url: URL.createObjectURL(picture), number };
  if (state.shown >= count) state.shown = 0;
  showResults();
  if (old) URL.revokeObjectURL(old.url);
}

function showResults() {
  const chosen = state.results[state.shown] ?? state.results[0];
  if (!chosen) return;
  const isPicture = state.model.fileExtension === 'png';
  $('output').hidden = !isPicture;
  $('output').classList.toggle('photograph', state.model.output.kind !== 'labels');
  $('no-picture').hidden = isPicture;
  if (isPicture) $('output').src = chosen.url;
  showBefore();
  const list = $('sample-list');
  list.hidden = state.results.length < 2;
  list.replaceChildren(...(state.results.length < 2 ? [] : state.results.map((result, place) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'sample';
    button.setAttribute('aria-pressed', String(place === state.shown));
    const image = document.createElement('img');
    image.alt = `sample ${result.number}`;
    image.src = result.url;
    button.append(image, `sample ${result.number}`);
    button.addEventListener('click', () => {
      state.shown = place;
      showResults();
    });
    return button;
  })));
  $('download').disabled = false;
}

/** The left part of the comparison shows the input. */
function showBefore() {
  const share = Number($('slider').value);
  const canvas = $('before-canvas');
  canvas.hidden = share === 0 || state.model?.fileExtension !== 'png';
  if (canvas.hidden) return;
  const one = drawing();
  canvas.width = one.width;
  canvas.height = one.height;
  canvas.getContext('2d').putImageData(one.image(), 0, 0);
  canvas.style.clipPath = `inset(0 ${100 - share}% 0 0)`;
}

function download(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

async function downloadResult() {
  const { model, results, shown } = state;
  const { number } = results[shown];
  try {
    const files = await Promise.all(state.drawings.map((one) => one.toFile()));
    const isPicture = model.fileExtension === 'png';
    const values = { ...settings(number), recipe: isPicture ? 'true' : undefined };
    const { picture } = await api.translate(values, files);
    download(picture, `${model.name.replaceAll('/', '-')}-${number}.${model.fileExtension}`);
  } catch (error) {
    say(error.message, true);
  }
}

// Models.

async function chooseModel(name) {
  const model = state.models.find((one) => one.name === name) ?? state.models[0];
  if (!model) return;
  for (const result of state.results.splice(0)) URL.revokeObjectURL(result.url);
  state.input = 0;
  state.shown = 0;
  state.drawings = model.inputs.map((input) => new Drawing(model.width, model.height, ground(input)));
  state.model = model;
  $('model').value = model.name;
  try {
    localStorage.setItem('model', model.name);
  } catch {
    // A browser that keeps nothing begins with the first model.
  }
  const kinds = model.inputs.map((input) => input.kind).join(' + ');
  $('facts').textContent =
    `${model.task ? `${model.task}, ` : ''}${kinds} to ${model.output.kind}, ${model.width} x ${model.height}, step ${model.step}`;
  $('photograph-field').hidden = !model.task;
  $('random').hidden = !model.isRandom;
  $('statistics-field').hidden = !model.hasRunningStatistics;
  $('seed').placeholder = String(model.seed);
  chooseTool('pen');
  showInputs();
  showBrushes();
  showExamples();
  const isRestored = await restore(model);
  if (state.model !== model) return;
  showDrawing();
  if (isRestored || model.examples === 0) translation.wish();
  else await openExample(0, false);
}

function showInputs() {
  const { inputs } = state.model;
  $('inputs').hidden = inputs.length < 2;
  $('inputs').replaceChildren(...inputs.map((input, place) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = `Input ${place + 1}: ${input.kind}`;
    button.setAttribute('aria-pressed', String(place === state.input));
    button.addEventListener('click', () => {
      state.input = place;
      showInputs();
      showBrushes();
      showDrawing();
    });
    return button;
  }));
}

function showExamples() {
  const { model } = state;
  $('examples-field').hidden = model.examples === 0;
  $('examples').replaceChildren(...Array.from({ length: model.examples }, (_, number) => {
    const button = document.createElement('button');
    button.type = 'button';
    const image = document.createElement('img');
    image.alt = `example ${number + 1}`;
    image.loading = 'lazy';
    image.src = api.exampleURL(model.name, number, 0);
    button.append(image);
    button.addEventListener('click', () => openExample(number, true));
    return button;
  }));
}

async function openExample(number, canUndo) {
  const { model } = state;
  try {
    const files = await Promise.all(
      model.inputs.map((_, place) => api.picture(api.exampleURL(model.name, number, place))));
    const images = await Promise.all(files.map(pixelsOf));
    // What came first stays where something was drawn meanwhile.
    if (state.model !== model || (!canUndo && isTouched())) return;
    images.forEach((image, place) => {
      if (canUndo) state.drawings[place].remember();
      state.drawings[place].load(image, files[place]);
    });
    changed();
  } catch (error) {
    say(error.message, true);
    translation.wish();
  }
}

async function load() {
  try {
    const { models, unreadable } = await api.models();
    state.models = models;
    $('model').replaceChildren(...models.map(({ name }) => new Option(name, name)));
    if (unreadable.length > 0) say(unreadable.map(({ error }) => error).join(' '), true);
    if (models.length === 0) {
      say('There is no model yet: it appears here with the first checkpoint of a run.');
      setTimeout(load, 5000);
      return;
    }
    $('workbench').hidden = false;
    const wanted = new URLSearchParams(location.search).get('model');
    let last = null;
    try {
      last = localStorage.getItem('model');
    } catch {
      // See chooseModel.
    }
    await chooseModel(wanted ?? last);
  } catch (error) {
    say(error.message, true);
    if (error.isGone) setTimeout(load, 2000);
  }
}

// The page's elements.

function listen() {
  $('model').addEventListener('change', () => chooseModel($('model').value));
  for (const button of $('tools').querySelectorAll('[data-tool]')) {
    button.addEventListener('click', () => chooseTool(button.dataset.tool));
  }
  $('size').addEventListener('input', () => {
    $('size-value').textContent = $('size').value;
    pad.draw();
  });
  $('colour').addEventListener('input', () => choose(rgba($('colour').value)));
  $('gray').addEventListener('input', chooseGray);
  $('undo').addEventListener('click', () => drawing().undo() && changed());
  $('redo').addEventListener('click', () => drawing().redo() && changed());
  $('clear').addEventListener('click', () => change((one) => one.clear(ground(side()))));
  $('open').addEventListener('click', () => $('file').click());
  $('file').addEventListener('change', () => {
    if ($('file').files.length > 0) open($('file').files[0]);
    $('file').value = '';
  });
  $('keep').addEventListener('click', async () => {
    const file = await drawing().toFile();
    const ending = file.type === 'image/jpeg' ? 'jpg' : file.name?.endsWith('.npy') ? 'npy' : 'png';
    download(file, `drawing.${ending}`);
  });
  $('download').addEventListener('click', downloadResult);
  $('again').addEventListener('click', () => {
    $('seed').value = String(crypto.getRandomValues(new Uint32Array(1))[0]);
    translation.wish();
  });
  for (const id of ['samples', 'dropout', 'statistics', 'resolution', 'seed']) {
    $(id).addEventListener('change', () => translation.wish());
  }
  $('slider').addEventListener('input', showBefore);
  $('classes').addEventListener('keydown', moveAmongClasses);
  document.addEventListener('keydown', shortcuts);
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    document.body.classList.add('dropping');
  });
  document.addEventListener('dragleave', (event) => {
    if (!event.relatedTarget) document.body.classList.remove('dropping');
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    document.body.classList.remove('dropping');
    if (event.dataTransfer.files.length > 0) open(event.dataTransfer.files[0]);
  });
  document.addEventListener('paste', (event) => {
    const file = event.clipboardData.files[0];
    if (file) open(file);
  });
}

/** Arrows choose among the classes, as among radio buttons. */
function moveAmongClasses(event) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const buttons = [...$('classes').children];
  const next = (buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length;
  buttons[next].focus();
  buttons[next].click();
}

function shortcuts(event) {
  if (!(event.ctrlKey || event.metaKey) || event.target.matches('input[type=text], input[type=number]')) return;
  const key = event.key.toLowerCase();
  if (key === 'z' || key === 'y') {
    event.preventDefault();
    if (!state.model) return;
    const isRedo = key === 'y' || event.shiftKey;
    if (isRedo ? drawing().redo() : drawing().undo()) changed();
  }
}

listen();
load();
