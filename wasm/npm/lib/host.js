// What the core asks of its platform. Nothing here throws or rejects: the core holds half a rotation in its
// hands.

import { LakekeyError } from "./errors.js";
import { Operation, maker } from "./github.js";
import { send } from "./transport.js";

/** Calls a listener, of which nothing is waited for. */
const swallow = (call) => {
  try {
    // One that is async rejects later; without this that would end the process.
    call()?.then?.(undefined, () => {});
  } catch {
    // What a listener throws is the listener's own affair; the rotation goes on.
  }
};

/** Returns what a function of the caller's gives, or where it throws or gives nothing of use what `other` gives. */
const orElse = (call, fits, other) => {
  try {
    const value = call();
    if (fits(value)) return value;
  } catch {
    // The platform's own does it.
  }
  return other();
};

/** Is what `wasm/src/js.rs` calls; one for each run. */
export class Host {
  #options;
  #octokit;
  /** Where the caller's own Octokit sends by itself, and how. */
  #own;
  /** What sinks have thrown, by their names; it stays in this process. */
  thrown = new Map();

  /** `options` are the caller's over the platform's own. */
  constructor(options) {
    this.#options = options;
    this.#octokit = maker(options);
  }

  now() {
    return orElse(() => this.#options.now(), Number.isFinite, () => Date.now());
  }

  /** Waits, or returns at once where the run is asked to stop. */
  sleep(milliseconds) {
    const { setTimeout, clearTimeout, signal } = this.#options;
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      signal?.addEventListener("abort", done, { once: true });
    });
  }

  /** Fills a piece of the module's memory. */
  fill(buffer) {
    try {
      this.#options.getRandomValues(buffer);
    } catch {
      globalThis.crypto.getRandomValues(buffer);
    }
  }

  cancelled() {
    return orElse(() => this.#options.signal?.aborted ?? false, (is) => typeof is === "boolean", () => false);
  }

  variable(name) {
    // Deno asks for a permission here, and refuses by an exception.
    return orElse(() => this.#options.env[name], (value) => typeof value === "string", () => undefined);
  }

  /** Returns `{bytes}` or `{reason}`. */
  file(path) {
    try {
      const bytes = this.#options.readFile(path);
      if (ArrayBuffer.isView(bytes)) return { bytes };
      return { reason: typeof bytes?.then === "function" ? "readFile gave a promise" : "readFile gave no bytes" };
    } catch (error) {
      return { reason: typeof error?.code === "string" ? error.code : "it cannot be read" };
    }
  }

  /** Resolves to `{bytes}` or `{reason}`. */
  async azureCli(args) {
    try {
      const bytes = await this.#options.azureCli(args);
      return ArrayBuffer.isView(bytes) ? { bytes } : { reason: "azureCli gave no bytes" };
    } catch (error) {
      return {
        reason: error?.code === "ENOENT" ? "az is not installed" : String(error?.reason ?? "az failed"),
      };
    }
  }

  secret(value) {
    swallow(() => this.#options.onSecret?.(value));
  }

  event(json) {
    swallow(() => this.#options.onEvent?.(JSON.parse(json)));
  }

  async send(request) {
    try {
      const own = this.#own && request.url.startsWith(this.#own.base) ? { fetch: this.#own.fetch } : {};
      return await send({ ...this.#options, ...own }, request);
    } catch {
      return { failure: "lost", message: "" };
    } finally {
      request.free();
    }
  }

  #sink(name) {
    const { sinks, sinkOf } = this.#options;
    return Object.hasOwn(sinks, name) ? sinks[name] : sinkOf?.(name);
  }

  hasSink(name) {
    return typeof this.#sink(name) === "function";
  }

  /** Calls the caller's function; resolves to nothing, or to `refused`, `timed-out` or `failed`. */
  async writeSink(name, value, delivery, milliseconds) {
    const { setTimeout, clearTimeout } = this.#options;
    let timer;
    const late = new Promise((resolve) => (timer = setTimeout(() => resolve("timed-out"), milliseconds)));
    const call = async () => {
      const { created, expires, ...info } = JSON.parse(delivery);
      await this.#sink(name)(value, {
        ...info,
        sink: name,
        created: new Date(created),
        expires: expires ? new Date(expires) : null,
      });
    };
    const written = call().catch((error) => {
      this.thrown.set(name, error);
      return error instanceof LakekeyError && error.code === "sink-refused" ? "refused" : "failed";
    });
    const outcome = await Promise.race([written, late]);
    clearTimeout(timer);
    return outcome;
  }

  /** Without one, the core makes its own requests. */
  hasOctokit() {
    return Boolean(this.#options.octokit || this.#options.Octokit);
  }

  octokitSignsIn() {
    return Boolean(this.#options.octokit);
  }

  github(base, route, parameters) {
    const make = () => {
      const octokit = this.#octokit();
      const fetch = octokit.request?.endpoint?.DEFAULTS?.request?.fetch;
      if (typeof fetch === "function") this.#own = { base, fetch };
      return octokit;
    };
    return new Operation(make, base, route, JSON.parse(parameters));
  }
}
