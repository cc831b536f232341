// The page that watches trainings.

import * as api from './api.js';
import { follow } from './follow.js';

const $ = (id) => document.getElementById(id);
/** Milliseconds between two drawings of the curves of a run that is under way. */
const PAGE_INTERVAL = 10000;

const state = {
  runs: [],
  /** The name of the run that is shown. */
  shown: new URLSearchParams(location.search).get('run'),
  chosen: new Set(),
  /** The revision of the page that is shown, and when it came. */
  revision: null,
  drawn: 0,
  lapse: { steps: [], isPlaying: false, timer: null, isNewest: true },
};

function say(text, isError = false) {
  $('message').textContent = text;
  $('message').classList.toggle('error', isError);
}

const number = (value) => value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 3 : 1 });

function duration(seconds) {
  if (seconds === undefined) return '';
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

// The list of runs.

const cell = (text, tag = 'td') => Object.assign(document.createElement(tag), { textContent: text });

function showRuns() {
  const heads = ['', 'run', 'state', 'steps', 'ms per step', 'left', 'best', 'device'];
  $('runs').tHead.replaceChildren(
    Object.assign(document.createElement('tr'), {}));
  $('runs').tHead.rows[0].append(...heads.map((text) => cell(text, 'th')));
  const focus = document.activeElement?.dataset?.focus;
  $('runs').tBodies[0].replaceChildren(...state.runs.map(row));
  if (focus) $('runs').querySelector(`[data-focus="${CSS.escape(focus)}"]`)?.focus();
  $('compare').disabled = state.chosen.size < 2 || state.chosen.size > 8;
}

function row(run) {
  const line = document.createElement('tr');
  line.setAttribute('aria-current', String(run.name === state.shown));
  const box = Object.assign(document.createElement('input'), { type: 'checkbox', checked: state.chosen.has(run.name) });
  box.setAttribute('aria-label', `compare ${run.name}`);
  box.dataset.focus = `box ${run.name}`;
  box.addEventListener('change', () => {
    if (box.checked) state.chosen.add(run.name);
    else state.chosen.delete(run.name);
    showRuns();
  });
  const link = Object.assign(document.createElement('a'), {
    href: `/train?run=${encodeURIComponent(run.name)}`, textContent: run.name,
  });
  link.dataset.focus = `link ${run.name}`;
  link.addEventListener('click', (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    choose(run.name);
  });
  const word = cell('');
  const mark = Object.assign(document.createElement('span'), { className: `state ${run.state}`, textContent: run.state });
  word.append(mark);
  word.title = run.words;
  const [first, second] = [cell(''), cell('', 'th')];
  first.append(box);
  second.append(link);
  const best = run.figures.find(({ best: value }) => value !== undefined);
  line.append(
    first, second, word, cell(run.steps ? `${number(run.step)} of ${number(run.steps)}` : number(run.step)),
    cell(run.millisecondsPerStep === undefined ? '' : number(run.millisecondsPerStep)),
    cell(duration(run.secondsLeft)), cell(best ? `${best.name} ${number(best.best)}, epoch ${best.bestEpoch}` : ''),
    cell(run.device ?? ''));
  return line;
}

function choose(name) {
  state.shown = name;
  state.revision = null;
  stopLapse();
  state.lapse.isNewest = true;
  history.replaceState(null, '', `/train?run=${encodeURIComponent(name)}`);
  $('comparison').hidden = true;
  showRuns();
  showRun();
}

// One run.

async function showRun() {
  const run = state.runs.find(({ name }) => name === state.shown);
  $('one').hidden = !run || !$('comparison').hidden;
  if (!run) return;
  $('run-name').textContent = run.name;
  $('run-state').textContent = run.words;
  $('run-state').className = `state words ${run.state}`;
  $('run-progress').hidden = !run.steps;
  $('run-progress').max = run.steps ?? 1;
  $('run-progress').value = run.step;
  $('run-numbers').textContent = [
    run.device, run.millisecondsPerStep && `${number(run.millisecondsPerStep)} ms per step`,
    run.secondsLeft && `${duration(run.secondsLeft)} left`,
  ].filter(Boolean).join(', ');
  showLapse(run);
  await showPage(run);
}

/** The curves: at once when something other than a step has come, else now and then. */
async function showPage(run) {
  if (run.revision === state.revision || document.hidden) return;
  const other = (revision) => revision?.split(' ').slice(1).join(' ');
  const isDue = other(run.revision) !== other(state.revision) || Date.now() - state.drawn > PAGE_INTERVAL;
  if (!isDue) return;
  [state.revision, state.drawn] = [run.revision, Date.now()];
  try {
    const html = await api.runPage(run.name);
    if (state.shown !== run.name) return;
    // The server's own markup, in which every name and text is escaped.
    $('page').innerHTML = html;
    say('');
  } catch (error) {
    state.revision = null;
    say(error.message, true);
  }
}

// The time-lapse of all strips.

function showLapse(run) {
  const { lapse } = state;
  lapse.steps = run.samples;
  $('lapse').hidden = run.samples.length < 2;
  if ($('lapse').hidden) return;
  $('lapse-place').max = String(run.samples.length - 1);
  if (lapse.isNewest) $('lapse-place').value = $('lapse-place').max;
  showStrip();
}

function showStrip() {
  const place = Number($('lapse-place').value);
  const step = state.lapse.steps[place];
  if (step === undefined) return;
  const url = api.sampleURL(state.shown, step);
  if ($('lapse-picture').getAttribute('src') !== url) $('lapse-picture').src = url;
  $('lapse-picture').alt = `samples at step ${step}`;
  $('lapse-step').textContent = number(step);
}

function stopLapse() {
  clearTimeout(state.lapse.timer);
  state.lapse.isPlaying = false;
  $('lapse-play').textContent = 'Play';
  $('lapse-play').setAttribute('aria-pressed', 'false');
}

function playLapse() {
  const { lapse } = state;
  if (lapse.isPlaying) {
    stopLapse();
    return;
  }
  lapse.isPlaying = true;
  lapse.isNewest = false;
  $('lapse-play').textContent = 'Stop';
  $('lapse-play').setAttribute('aria-pressed', 'true');
  const slider = $('lapse-place');
  if (slider.value === slider.max) slider.value = '0';
  const next = async () => {
    showStrip();
    // The next picture waits for this one.
    await $('lapse-picture').decode().catch(() => {});
    if (!lapse.isPlaying) return;
    if (slider.value === slider.max) {
      lapse.isNewest = true;
      stopLapse();
      return;
    }
    lapse.timer = setTimeout(() => {
      slider.value = String(Number(slider.value) + 1);
      next();
    }, Math.max(80, Math.min(400, 8000 / lapse.steps.length)));
  };
  next();
}

// Several runs.

async function compare() {
  try {
    $('comparison-page').innerHTML = await api.comparison([...state.chosen]);
    $('comparison').hidden = false;
    $('one').hidden = true;
    $('comparison').scrollIntoView({ block: 'start' });
    say('');
  } catch (error) {
    say(error.message, true);
  }
}

$('compare').addEventListener('click', compare);
$('lapse-play').addEventListener('click', playLapse);
$('lapse-place').addEventListener('input', () => {
  stopLapse();
  state.lapse.isNewest = $('lapse-place').value === $('lapse-place').max;
  showStrip();
});
document.addEventListener('visibilitychange', () => showRun());

follow((runs) => {
  state.runs = runs;
  if (!runs.some(({ name }) => name === state.shown)) {
    // Without a choice the run at work is shown, else the last one.
    state.shown = (runs.find((run) => ['starting', 'running', 'stalled'].includes(run.state)) ?? runs.at(-1))?.name;
  }
  if (runs.length === 0) say('There is no run yet: it appears here when a training begins.');
  showRuns();
  showRun();
}, (isConnected) => {
  $('connection').textContent = isConnected ? '' : 'The server does not answer; trying again.';
});
