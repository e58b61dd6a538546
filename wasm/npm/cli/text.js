// A report and an error as people read them.

/** Takes out what a terminal would obey: some of the text comes from services. */
export const printable = (text) => String(text).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ");

const date = (time) => (time ? time.replace(/\.\d+Z$/, "Z") : undefined);

const HOLDS = {
  current: "holds it",
  older: "holds an older one",
  nothing: "holds nothing",
  overwritten: "was overwritten by another hand",
  unknown: "cannot tell what it holds",
};

function place({ holds, tried = true, written, error, "edited-by": editor }) {
  const since = editor ? `, edited since by ${editor}` : "";
  const when = `${HOLDS[holds]}${written ? `, written ${date(written)}` : ""}${since}`;
  if (error) return `failed: ${error.code}; ${when}`;
  return tried ? when : `not tried; ${when}`;
}

/** Returns what has failed, each once, with the place where it is one place's. */
export function errors({ error, delivered }) {
  const all = error ? [[error]] : [];
  for (const { sink, error: why } of delivered) {
    if (why && !all.some(([known]) => known.code === why.code && known.message === why.message))
      all.push([why, sink]);
  }
  return all;
}

function* lines(target) {
  const { name, outcome, credential, delivered, steps = [] } = target;
  yield `${name}  ${outcome}`;
  if (credential) {
    const { kind, id, created, expires, due } = credential;
    yield `  ${kind} ${id}`;
    const until = expires ? `expires ${date(expires)}` : "never expires";
    yield `    made ${date(created)}, ${until}${due ? `, due ${date(due)}` : ""}`;
  }
  for (const delivery of delivered) yield `  place ${delivery.sink}: ${place(delivery)}`;
  if (target.credential?.may) yield `  scopes: ${target.credential.may}`;
  for (const { warning } of target["sign-in-ends"] ?? []) if (warning) yield `  ends soon: ${warning}`;
  for (const { id, why, until } of target["left-over-details"] ?? [])
    yield `  left over ${id}: ${why}${until ? `, until ${date(until)}` : ""}`;
  // What stops working is read first.
  const stops = ({ state, step }) => state === "would" && step === "revoke-token";
  for (const { state, step, message, hint } of [
    ...steps.filter(stops),
    ...steps.filter((found) => !stops(found)),
  ]) {
    yield `  ${state} ${step}: ${message}`;
    if (hint) yield `    ${hint}`;
  }
}

export const render = (report) =>
  report.targets.flatMap((target) => [...lines(target)].map(printable)).join("\n");

/** Whether a report tells nothing new: nothing was due, done, refused or found. */
export const isCalm = ({ targets }) =>
  targets.every(
    ({ outcome, error, credential, delivered, revoked, steps = [], "left-over": left, "sign-in-ends": ends = [] }) =>
      ["ok", "not-due"].includes(outcome) &&
      !error &&
      left.length + revoked.length === 0 &&
      !credential?.narrows &&
      ends.every(({ warning }) => !warning) &&
      delivered.every((place) => !place.error && place.holds !== "overwritten") &&
      steps.every(({ state }) => state === "ok"),
  );

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

/** Reads the level of `LAKEKEY_LOG`, unless `-q` or `-v` say more; what is not known counts as `info`. */
export function levelOf(text = "", { quiet = false, verbose = 0 } = {}) {
  if (quiet) return LEVELS.indexOf("warn");
  if (verbose > 0) return Math.min(LEVELS.indexOf("info") + verbose, LEVELS.length - 1);
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
export function eventLine({ target, step, phase, message, error }, level) {
  const [least, word] = PHASES[phase];
  // What failed is told in full at the end, with what to do.
  return level < LEVELS.indexOf(least)
    ? undefined
    : `${target}  ${step}  ${word}${error ? error.code : message}`;
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
