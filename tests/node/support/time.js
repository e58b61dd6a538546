// Time that passes as soon as it is waited for, so that no test waits.

/**
 * Returns `options` for the package, and `pass`. The core waits in slices of a second; longer timers are
 * limits.
 */
export function quickTime() {
  let ahead = 0;
  return {
    options: {
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
    },
    /** Lets that much time go by. */
    pass(milliseconds) {
      ahead += milliseconds;
    },
  };
}
