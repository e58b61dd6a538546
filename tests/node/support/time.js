// Time that passes as soon as it is waited for, so that no test waits.

/** Returns `options`, which are `now`, `setTimeout` and `clearTimeout`. The core waits in slices of a second; longer timers are limits. `pass` moves the time. */
export function quickTime() {
  let ahead = 0;
  const options = {
    now: () => Date.now() + ahead,
    setTimeout(callback, milliseconds) {
      if (milliseconds > 1_000) return setTimeout(callback, milliseconds);
      ahead += milliseconds;
      return setImmediate(callback);
    },
    clearTimeout(handle) {
      clearTimeout(handle);
      clearImmediate(handle);
    },
  };
  return {
    options,
    pass(milliseconds) {
      ahead += milliseconds;
    },
  };
}
