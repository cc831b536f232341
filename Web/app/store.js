// Drawings that survive a reload: a PNG for each input of each model, in the browser's own database.

const opened = new Promise((resolve) => {
  const request = indexedDB.open('pix2pix', 1);
  request.onupgradeneeded = () => request.result.createObjectStore('drawings');
  request.onsuccess = () => resolve(request.result);
  // Private windows may have no database: drawings then last as long as the page.
  request.onerror = () => resolve(null);
});

async function inStore(mode, act) {
  const database = await opened;
  if (!database) return undefined;
  return new Promise((resolve) => {
    const transaction = database.transaction('drawings', mode);
    const request = act(transaction.objectStore('drawings'));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onerror = transaction.onabort = () => resolve(undefined);
  });
}

/** @param {{pictures: Blob[], files: (Blob | null)[]}} drawings of a model's inputs */
export const keep = (model, drawings) => inStore('readwrite', (store) => store.put(drawings, model));

export const kept = (model) => inStore('readonly', (store) => store.get(model));
