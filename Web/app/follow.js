// The states of all runs, as they change. Browsers open few connections to one server, so that of several pages one listens
// and tells the others.

/**
 * @param {(runs: object[]) => void} onRuns
 * @param {(isConnected: boolean) => void} onConnection
 */
export function follow(onRuns, onConnection) {
  const channel = new BroadcastChannel('pix2pix-runs');
  channel.addEventListener('message', ({ data }) => {
    if (data.runs) onRuns(data.runs);
    onConnection(data.isConnected);
  });
  const tell = (isConnected, runs) => {
    if (runs) onRuns(runs);
    onConnection(isConnected);
    channel.postMessage({ isConnected, runs });
  };
  // Locks are there on this machine's own addresses and with HTTPS; elsewhere each page listens while it is seen.
  if (navigator.locks) navigator.locks.request('pix2pix-runs', () => listen(tell, () => false));
  else listen(tell, () => document.hidden);
}

/** Listens for as long as the page lives. */
function listen(tell, isIdle) {
  return new Promise(() => {
    let source = null;
    const open = () => {
      if (source || isIdle()) return;
      source = new EventSource('/api/events');
      source.addEventListener('open', () => tell(true));
      source.addEventListener('runs', (event) => tell(true, JSON.parse(event.data)));
      source.addEventListener('error', () => {
        tell(false);
        // After an answer that is an error the browser does not try again.
        if (source.readyState !== EventSource.CLOSED) return;
        source = null;
        setTimeout(open, 3000);
      });
    };
    document.addEventListener('visibilitychange', () => {
      if (isIdle() && source) {
        source.close();
        source = null;
      } else {
        open();
      }
    });
    open();
  });
}
