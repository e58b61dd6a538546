// What the core asks of its platform. Nothing here throws or rejects: the core holds half a rotation in its
// hands.

import { LakekeyError } from "./errors.js";
import { Operation, maker } from "./github.js";
import { send } from "./transport.js";

const swallow = (call) => {
  try {
    call();
  } catch {
    // What a listener throws is the listener's own affair; the rotation goes on.
  }
};

/** Is what `wasm/src/js.rs` calls; one for each run. */
export class Host {
  #options;
  #octokit;

  /** `options` are the caller's over the platform's own. */
  constructor(options) {
    this.#options = options;
    this.#octokit = maker(options);
  }

  now() {
    return this.#options.now();
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
    this.#options.getRandomValues(buffer);
  }

  cancelled() {
    return this.#options.signal?.aborted ?? false;
  }

  variable(name) {
    const value = this.#options.env[name];
    return typeof value === "string" ? value : undefined;
  }

  /** Returns `{bytes}` or `{reason}`. */
  file(path) {
    try {
      return { bytes: this.#options.readFile(path) };
    } catch (error) {
      return { reason: typeof error?.code === "string" ? error.code : "it cannot be read" };
    }
  }

  /** Resolves to `{bytes}` or `{reason}`. */
  async azureCli(args) {
    try {
      return { bytes: await this.#options.azureCli(args) };
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
      return await send(this.#options, request);
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
    const written = call().catch((error) =>
      error instanceof LakekeyError && error.code === "sink-refused" ? "refused" : "failed",
    );
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
    return new Operation(this.#octokit, base, route, JSON.parse(parameters));
  }
}
