// A report as people read it.

/** Takes out what a terminal would obey: some of the text comes from services. */
export const printable = (text) => String(text).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ");

const date = (time) => (time ? time.replace(/\.\d+Z$/, "Z") : undefined);

function* lines(target) {
  const { name, outcome, credential, delivered, revoked, steps = [], error } = target;
  yield `${name}  ${outcome}`;
  if (credential) {
    const { kind, id, created, expires, due } = credential;
    yield `  ${kind} ${id}`;
    yield `    made ${date(created)}, ${expires ? `expires ${date(expires)}` : "never expires"}${due ? `, due ${date(due)}` : ""}`;
  }
  for (const place of delivered) {
    yield `  ${place.error ? "not delivered" : "delivered"} ${place.sink}${place.written ? `, written ${date(place.written)}` : ""}`;
    if (place.error) yield `    ${place.error.message} [${place.error.code}]`;
  }
  for (const id of revoked) yield `  revoked ${id}`;
  for (const id of target["left-over"]) yield `  left over ${id}`;
  for (const { state, step, message, hint } of steps) {
    yield `  ${state} ${step}: ${message}`;
    if (hint) yield `    ${hint}`;
  }
  if (error) {
    yield `  error ${error.message} [${error.code} at ${error.step}]${error["request-id"] ? ` (request ${error["request-id"]})` : ""}`;
    yield `    ${error.hint}`;
  }
}

export const render = (report) => report.targets.flatMap((target) => [...lines(target)].map(printable)).join("\n");
