// A report and an error as people read them.

/** Takes out what a terminal would obey: some of the text comes from services. */
export const printable = (text) => String(text).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ");

const date = (time) => (time ? time.replace(/\.\d+Z$/, "Z") : undefined);

function* lines(target) {
  const { name, outcome, credential, delivered, revoked, steps = [] } = target;
  yield `${name}  ${outcome}`;
  if (credential) {
    const { kind, id, created, expires, due } = credential;
    yield `  ${kind} ${id}`;
    const until = expires ? `expires ${date(expires)}` : "never expires";
    yield `    made ${date(created)}, ${until}${due ? `, due ${date(due)}` : ""}`;
  }
  for (const place of delivered) {
    const how = place.error ? "not delivered" : "delivered";
    yield `  ${how} ${place.sink}${place.written ? `, written ${date(place.written)}` : ""}`;
    if (place.error) yield `    failed: ${place.error.code}`;
  }
  for (const id of revoked) yield `  revoked ${id}`;
  for (const id of target["left-over"]) yield `  left over ${id}`;
  for (const { state, step, message, hint } of steps) {
    yield `  ${state} ${step}: ${message}`;
    if (hint) yield `    ${hint}`;
  }
}

export const render = (report) =>
  report.targets.flatMap((target) => [...lines(target)].map(printable)).join("\n");

const EXPLAINED = "https://github.com/lakekey/lakekey/blob/main/docs/troubleshooting.md";

/**
 * Returns an error of a report in the binary's words: code, step, what was said, what to do, where to read
 * more.
 */
export function failure({ code, step, key, message, hint, "request-id": request }, target) {
  return [
    `error: ${target ? `${target}: ` : ""}${code} at ${step}`,
    `  ${key ? `${key}: ` : ""}${message}${request ? ` (request id ${request})` : ""}`,
    `  what to do: ${hint}`,
    `  see ${EXPLAINED}#${code}`,
  ].map(printable).join("\n");
}

const LEVELS = ["error", "warn", "info", "debug", "trace"];

/** Reads the level of `LAKEKEY_LOG`; what is not known counts as `info`. */
export function levelOf(text = "") {
  const level = LEVELS.indexOf(text.trim().toLowerCase());
  return level < 0 ? LEVELS.indexOf("info") : level;
}

const PHASES = {
  failed: ["error", "failed: "],
  warning: ["warn", "warning: "],
  waiting: ["info", "waiting: "],
  skipped: ["info", "skipped: "],
  done: ["info", ""],
};

/** Says how an event reads; nothing where the level leaves it out. */
export function eventLine({ target, step, phase, message }, level) {
  const [least, word] = PHASES[phase];
  return level < LEVELS.indexOf(least) ? undefined : `${target}  ${step}  ${word}${message}`;
}

/**
 * Has each request that `fetch` sends told, where the level asks for it: never a header, a query or a body.
 */
export function telling(fetch, level, say) {
  if (level < LEVELS.indexOf("debug")) return fetch;
  return async (url, init) => {
    const begun = Date.now();
    const sizes = level < LEVELS.indexOf("trace") ? "" : `, ${init.body?.length ?? 0} bytes sent`;
    const tell = (outcome) =>
      say(
        `${init.method} ${String(url).split(/[?#]/, 1)[0]} -> ${outcome} (${Date.now() - begun} ms${sizes})`,
      );
    try {
      const response = await fetch(url, init);
      tell(response.status);
      return response;
    } catch (error) {
      tell(error?.cause?.code ?? "no answer");
      throw error;
    }
  };
}
