// An operation of GitHub's API that the caller's Octokit does, with requests that the core sends.

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

/** Hands out the requests of one operation, one after the other, and takes their answers. */
export class Operation {
  #asked = [];
  #waiting;
  #reply;
  #closed = false;

  /** `make` gives the Octokit that is to be used; it may throw. */
  constructor(make, base, route, parameters) {
    this.#run(make, base, route, parameters);
  }

  async #run(make, base, route, parameters) {
    let octokit;
    try {
      octokit = make();
    } catch {
      return this.#ask({ failure: "unusable" });
    }
    try {
      const { data } = await octokit.request(route, {
        ...parameters,
        baseUrl: base,
        request: { fetch: (url, init) => this.#fetch(url, init) },
      });
      this.#ask({ data: JSON.stringify(data ?? null) });
    } catch (error) {
      // Its text may quote the request; its kind and its status do not.
      const words = [error?.name ?? "an exception", error?.status ?? error?.code].filter(Boolean);
      this.#ask({ failure: "thrown", words: words.join(" ").slice(0, 100) });
    }
  }

  #ask(asked) {
    if (this.#waiting) this.#waiting(asked);
    else this.#asked.push(asked);
    this.#waiting = undefined;
  }

  #fetch(url, init) {
    if (this.#closed) return Promise.reject(new Error("nobody asks any more"));
    const headers = Object.entries(init.headers ?? {}).flatMap(([name, value]) => [
      name.toLowerCase(),
      String(value),
    ]);
    const body = typeof init.body === "string" ? new TextEncoder().encode(init.body) : undefined;
    return new Promise((resolve, reject) => {
      this.#reply = { resolve, reject, url: String(url) };
      this.#ask({ method: init.method ?? "GET", url: String(url), headers, body });
    });
  }

  next() {
    const asked = this.#asked.shift();
    return asked ? Promise.resolve(asked) : new Promise((resolve) => (this.#waiting = resolve));
  }

  answer(status, headers, body) {
    const { resolve, url } = this.#reply;
    const pairs = [];
    for (let at = 0; at < headers.length; at += 2) pairs.push([headers[at], headers[at + 1]]);
    // The module's memory is lent for this call alone.
    const content = status === 204 || status === 304 || body.byteLength === 0 ? null : body.slice();
    const response = new Response(content, { status, headers: pairs });
    Object.defineProperty(response, "url", { value: url });
    resolve(response);
  }

  close() {
    this.#closed = true;
    this.#reply?.reject(new Error("nobody asks any more"));
  }
}

/**
 * Returns what gives the Octokit of a run: the one that the caller has passed, or one of the class that the
 * caller has passed.
 */
export function maker({ octokit, Octokit }) {
  let made = octokit;
  return () => (made ??= new Octokit({ log: SILENT, userAgent: "lakekey" }));
}
