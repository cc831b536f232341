// The server's API, as /openapi.json describes it.

/** An error that a person can read; `isGone` where the server did not answer at all. */
export class ServerError extends Error {
  constructor(message, isGone = false) {
    super(message);
    this.isGone = isGone;
  }
}

async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ServerError('The server does not answer.', true);
  }
  if (response.ok) return response;
  let line = `${response.status} ${response.statusText}`;
  try {
    line = (await response.json()).error ?? line;
  } catch {
    // An answer without a line keeps its status.
  }
  throw new ServerError(line);
}

const query = (values) => {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined && value !== null && value !== '') parameters.set(name, value);
  }
  return parameters.toString();
};

export const models = async () => (await ask('/api/models')).json();

export const runs = async () => (await ask('/api/runs')).json();

export const runPage = async (run) => (await ask(`/api/runs/${encodeURIComponent(run)}/page`)).text();

export const comparison = async (names) => {
  const parameters = new URLSearchParams(names.map((name) => ['run', name]));
  return (await ask(`/api/compare?${parameters}`)).text();
};

export const sampleURL = (run, step) => `/api/runs/${encodeURIComponent(run)}/samples/${step}`;

export const exampleURL = (model, number, input) =>
  `/api/models/${encodeURIComponent(model)}/examples/${number}${input === undefined ? '' : `?input=${input}`}`;

export const picture = async (path) => (await ask(path)).blob();

/** A picture as an input of the model sees it, at the size of the training. */
export const input = async (model, file, place, photograph) =>
  (await ask(`/api/input?${query({ model, place, photograph })}`, { method: 'POST', body: file })).blob();

/**
 * The translation of one or more input files.
 * @returns {Promise<{picture: Blob, milliseconds: number}>}
 */
export async function translate(values, files, signal) {
  const lengths = files.length > 1 ? files.map((file) => file.size).join(',') : undefined;
  const response = await ask(`/api/translate?${query({ ...values, lengths })}`, {
    method: 'POST', body: files.length > 1 ? new Blob(files) : files[0], signal,
  });
  const time = /dur=([\d.]+)/.exec(response.headers.get('Server-Timing') ?? '');
  return { picture: await response.blob(), milliseconds: time ? Number(time[1]) : NaN };
}
