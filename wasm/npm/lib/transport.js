// One HTTP request over fetch: no redirect followed, nothing repeated, the limits kept while the body
// arrives.

/**
 * What Node and Bun call a connection that was never made; deep in `cause`, since fetch itself says "fetch
 * failed".
 */
const NEVER_SENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
  "UND_ERR_CONNECT_TIMEOUT",
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "ConnectionRefused",
  "FailedToOpenSocket",
  "ERR_INVALID_URL",
]);

/**
 * Finds the code of a failure, which may stand at any depth of `cause`, or in the parts of an AggregateError.
 */
function codeOf(error, depth = 0) {
  if (!error || typeof error !== "object" || depth > 5) return undefined;
  if (typeof error.code === "string") return error.code;
  for (const part of Array.isArray(error.errors) ? error.errors : []) {
    const code = codeOf(part, depth + 1);
    if (code) return code;
  }
  return codeOf(error.cause, depth + 1);
}

/** Says whether a request that failed can have reached the service; without a known reason it may have. */
function failureOf(error) {
  const code = codeOf(error);
  // The text may quote a header's value; the code does not. Deno has the reason in its text alone.
  if (code) return { failure: NEVER_SENT.has(code) ? "not-sent" : "lost", message: code };
  const texts = [error?.message, error?.cause?.message].filter((text) => typeof text === "string").join(" ");
  const known = /connection refused|dns error|failed to lookup address|invalid peer certificate/i.exec(texts);
  return known ? { failure: "not-sent", message: known[0].toLowerCase() } : { failure: "lost", message: "" };
}

async function bodyOf(response, limit) {
  if (!response.body) return new Uint8Array(0);
  const parts = [];
  let length = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.byteLength;
    if (length > limit) {
      reader.cancel().catch(() => {});
      return undefined;
    }
    parts.push(value);
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    body.set(part, at);
    at += part.byteLength;
  }
  return body;
}

/**
 * Sends a request once. Resolves to `{status, headers, body}` or `{failure, message}`; never rejects.
 * `signal` ends a read at once; whatever may change something is waited for, so that its end is known.
 */
export async function send({ fetch, setTimeout, clearTimeout, signal }, request) {
  const { method, url, timeout, maxBody } = request;
  const flat = request.headers;
  const headers = [];
  for (let at = 0; at < flat.length; at += 2) headers.push([flat[at], flat[at + 1]]);
  // Each round of the verification must reach the service over connections of its own.
  if (request.fresh) headers.push(["connection", "close"]);
  const controller = new AbortController();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    controller.abort();
  }, timeout);
  const stop = () => controller.abort();
  const stoppable = method === "GET" && signal && !signal.aborted;
  if (stoppable) signal.addEventListener("abort", stop, { once: true });
  try {
    const response = await fetch(url, {
      method,
      headers,
      body: request.body,
      redirect: "manual",
      signal: controller.signal,
    });
    if (response.type === "opaqueredirect")
      return { failure: "lost", message: "a redirect that this platform does not show" };
    const body = await bodyOf(response, maxBody);
    if (!body) return { failure: "too-large", message: "" };
    return { status: response.status, headers: [...response.headers].flat(), body };
  } catch (error) {
    if (late) return { failure: "timed-out", message: `after ${Math.round(timeout / 1000)} s` };
    if (controller.signal.aborted)
      return { failure: "lost", message: "it was given up when the run was asked to stop" };
    return failureOf(error);
  } finally {
    clearTimeout(timer);
    if (stoppable) signal.removeEventListener("abort", stop);
  }
}
