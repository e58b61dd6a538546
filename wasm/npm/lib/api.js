// The functions of the package, whatever the platform: an entry gives a way to load the module and the
// platform's own parts.

import { LakekeyError, usage } from "./errors.js";
import { glue } from "./glue.js";
import { Host } from "./host.js";
import { documentOf, settings } from "./options.js";
import { dressed } from "./report.js";

export { LakekeyError };

let platform;
/** Other ways to the module, for bundles in which the platform's own finds nothing. */
const ways = [];
/** The compiled module, once there is one. */
let compiled;
/** The instance that runs, once there is one; after a trap the next run makes another. */
let instance;

/**
 * Is called once by an entry: `load()` gives the module or a promise of it; the rest are defaults of options.
 */
export function usePlatform(parts) {
  platform ??= parts;
}

/** Is called by an entry around another one, with its own way to the module. */
export function useWay(load) {
  ways.push(load);
}

/** Is the module at work, with the runs that a trap would leave without an end. */
class Instance {
  #running = new Set();
  #broken;

  constructor(module) {
    this.calls = glue((error) => this.break(error));
    this.calls.initSync({ module });
    this.calls.onPanic((place) => this.break(undefined, place));
  }

  /** Ends every run, and takes no further one. */
  break(error, place) {
    if (instance === this) instance = undefined;
    this.#broken ??= new LakekeyError({
      code: "internal",
      message: place ? `the module has failed at ${place}` : "the module has failed",
      hint: "this is a defect of lakekey: please report it with the message; the next run begins anew",
    });
    for (const fail of this.#running) fail(this.#broken);
    this.#running.clear();
    return this.#broken;
  }

  /** Waits for a call, or for the module's end. */
  async guard(call) {
    let fail;
    const broken = new Promise((_, reject) => (fail = reject));
    this.#running.add(fail);
    try {
      return await Promise.race([call(this.calls), broken]);
    } catch (error) {
      throw this.failure(error);
    } finally {
      this.#running.delete(fail);
    }
  }

  /** Calls what answers at once. */
  now(call) {
    try {
      return call(this.calls);
    } catch (error) {
      throw this.failure(error);
    }
  }

  /** Returns the error that the module has written, or that of a trap. */
  failure(error) {
    if (error instanceof LakekeyError) return error;
    return typeof error === "string" ? new LakekeyError(JSON.parse(error)) : this.break(error);
  }
}

/** Starts the module with its code: a `WebAssembly.Module`, or its bytes. */
export function start(module) {
  compiled ??= module instanceof WebAssembly.Module ? module : new WebAssembly.Module(module);
  instance ??= new Instance(compiled);
  return instance;
}

/** Returns the instance, or a promise of it. */
function started() {
  if (instance) return instance;
  if (compiled) return start(compiled);
  let why;
  for (const load of [...ways, platform?.load]) {
    try {
      const module = load?.();
      if (module) return typeof module.then === "function" ? module.then(start) : start(module);
    } catch (error) {
      why = error;
    }
  }
  throw why ?? usage("the module has not been started", 'call `await init(module)` of "lakekey/init" first');
}

/** What of the options the module reads itself. */
const PASSED = [
  "targets", "dryRun", "notify", "force", "superseded", "managed", "all", "tokenId", "yes", "fix", "secrets", "shards",
];

/** Puts together what the module is asked. */
function asked(command, config, options, known) {
  const set = settings(options, known, platform?.defaults?.());
  const { text, object } = documentOf(config);
  const request = { command, object };
  for (const name of PASSED) if (options[name] !== undefined) request[name] = options[name];
  return { set, text, request: JSON.stringify(request) };
}

/** Runs a command and resolves to `{exit, report}`. */
export async function execute(command, config, options = {}, known = []) {
  const { set, text, request } = asked(command, config, options, known);
  const module = await started();
  const host = new Host(set);
  const done = JSON.parse(await module.guard((calls) => calls.run(request, text, host)));
  return dressed(done, { throwOnFailure: set.throwOnFailure, thrown: host.thrown });
}

const command =
  (name, ...known) =>
  async (config, options) =>
    (await execute(name, config, options, known)).report;

export const rotate = command("rotate", "force");
export const provision = command("provision");
export const status = command("status");
export const doctor = command("doctor", "fix", "yes");
export const plan = command("plan");
export const revoke = command("revoke", "superseded", "managed", "all", "tokenId", "yes");

/** Asks the module something that it answers at once. */
async function answered(name, config, options, known, command = "plan") {
  const { set, text, request } = asked(command, config, options, known);
  const module = await started();
  return JSON.parse(module.now((calls) => calls[name](request, text, new Host(set))));
}

export const matrix = async (config, options = {}) =>
  answered("matrix", config, { shards: 256, ...options }, ["shards"]);

/** Checks a configuration offline; resolves to `{mistakes, warnings, notes}`. */
export const check = (config, options = {}) => answered("check", config, options, ["secrets"]);

/** Returns the names of the targets whose principal has no configured `client-id`. */
export const withoutClientId = (config, options = {}) => answered("withoutClientId", config, options, []);

/** Returns a document with the `client-id` of a target's principal. */
export function withClientId(document, target, clientId) {
  return started().now((calls) => calls.withClientId(document, target, clientId));
}

export function sealSecret(publicKey, value, options = {}) {
  if (typeof publicKey !== "string" || typeof value !== "string")
    throw usage("sealSecret takes a public key in base64 and a value");
  const set = settings(options, [], platform?.defaults?.());
  const module = started();
  if (typeof module.then === "function")
    throw usage(
      "the module is not started yet",
      'await another function of the package first, or init of "lakekey/init"',
    );
  return module.now((calls) => calls.seal(publicKey, value, new Host(set)));
}
