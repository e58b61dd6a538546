// The functions of the package, whatever the platform: an entry gives a way to load the module and the
// platform's own parts.

import {
  initSync,
  matrix as matrixIn,
  onPanic,
  run as runIn,
  seal,
  withClientId as withClientIdIn,
  withoutClientId as withoutClientIdIn,
} from "./lakekey.js";
import { LakekeyError, usage } from "./errors.js";
import { Host } from "./host.js";

export { LakekeyError };

let platform;
let ready = false;
/** The runs that a panic of the module would leave without an end. */
const running = new Set();
let broken;

/**
 * Is called once by an entry: `load()` gives the module or a promise of it; the rest are defaults of options.
 */
export function usePlatform(parts) {
  platform ??= parts;
}

/** Starts the module with its code: a `WebAssembly.Module`, or its bytes. */
export function start(module) {
  if (ready) return;
  initSync({ module });
  ready = true;
  onPanic((place) => {
    broken = new LakekeyError({
      code: "internal",
      message: `the module has failed at ${place}`,
      hint: "this is a defect of lakekey: please report it with the message",
    });
    for (const fail of running) fail(broken);
  });
}

function loaded() {
  if (broken) throw broken;
  if (ready) return undefined;
  const module = platform?.load?.();
  if (!module)
    throw usage("the module has not been started", 'call `await init(module)` of "lakekey/init" first');
  return typeof module.then === "function" ? module.then(start) : start(module);
}

const FUNCTIONS = [
  "fetch",
  "onEvent",
  "onSecret",
  "readFile",
  "azureCli",
  "now",
  "setTimeout",
  "clearTimeout",
  "getRandomValues",
];
const OWN = new Set([...FUNCTIONS, "env", "signal", "sinks", "targets", "dryRun", "notify", "octokit", "Octokit"]);

function settings(options, known) {
  if (options === null || typeof options !== "object") throw usage("the options are not an object");
  for (const name of Object.keys(options)) {
    if (!OWN.has(name) && !known.includes(name)) throw usage(`there is no option "${name}"`);
  }
  for (const name of FUNCTIONS) {
    if (options[name] !== undefined && typeof options[name] !== "function")
      throw usage(`the option "${name}" is not a function`);
  }
  const { targets = [], sinks = {} } = options;
  if (!Array.isArray(targets) || !targets.every((name) => typeof name === "string"))
    throw usage('the option "targets" is not a list of names');
  if (options.signal !== undefined && typeof options.signal?.addEventListener !== "function")
    throw usage('the option "signal" is not an AbortSignal');
  for (const [name, sink] of Object.entries(sinks)) {
    if (typeof sink !== "function") throw usage(`the sink "${name}" is not a function`);
  }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return {
    env: {},
    fetch: (...args) => globalThis.fetch(...args),
    setTimeout: (...args) => globalThis.setTimeout(...args),
    clearTimeout: (handle) => globalThis.clearTimeout(handle),
    now: () => Date.now(),
    getRandomValues: (buffer) => globalThis.crypto.getRandomValues(buffer),
    readFile: () => {
      throw Object.assign(new Error(), { code: "there are no files on this platform" });
    },
    azureCli: () =>
      Promise.reject(Object.assign(new Error(), { reason: "there is no Azure CLI on this platform" })),
    ...platform?.defaults?.(),
    ...given,
    sinks,
  };
}

function documentOf(config) {
  if (typeof config === "string") return config;
  if (config === null || typeof config !== "object")
    throw usage("the configuration is neither an object nor YAML text");
  return JSON.stringify(config);
}

function failure(error) {
  if (typeof error !== "string")
    return (
      broken ??
      new LakekeyError({
        code: "internal",
        message: "the module has failed",
        hint: "this is a defect of lakekey: please report it",
      })
    );
  return new LakekeyError(JSON.parse(error));
}

/** What of the options the module reads itself. */
const PASSED = ["targets", "dryRun", "notify", "force", "superseded", "managed", "all", "tokenId", "yes", "fix"];

/** Runs a command and resolves to `{exit, report}`. */
export async function execute(command, config, options = {}, known = []) {
  const set = settings(options, known);
  const document = documentOf(config);
  await loaded();
  const request = { command, object: typeof config !== "string" };
  for (const name of PASSED) if (options[name] !== undefined) request[name] = options[name];
  let fail;
  const panicked = new Promise((_, reject) => (fail = reject));
  running.add(fail);
  try {
    return JSON.parse(
      await Promise.race([runIn(JSON.stringify(request), document, new Host(set)), panicked]),
    );
  } catch (error) {
    throw error instanceof LakekeyError ? error : failure(error);
  } finally {
    running.delete(fail);
  }
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

export async function matrix(config, options = {}) {
  const set = settings(options, ["shards"]);
  const { shards = 256, targets = [] } = options;
  const request = JSON.stringify({ command: "plan", object: typeof config !== "string", targets, shards });
  await loaded();
  try {
    return JSON.parse(matrixIn(request, documentOf(config), new Host(set)));
  } catch (error) {
    throw failure(error);
  }
}

/** Returns the names of the targets whose principal has no configured `client-id`. */
export async function withoutClientId(config, options = {}) {
  const set = settings(options, []);
  const request = JSON.stringify({ command: "plan", object: typeof config !== "string", targets: [] });
  await loaded();
  try {
    return JSON.parse(withoutClientIdIn(request, documentOf(config), new Host(set)));
  } catch (error) {
    throw failure(error);
  }
}

/** Returns a document with the `client-id` of a target's principal. */
export function withClientId(document, target, clientId) {
  try {
    return withClientIdIn(document, target, clientId);
  } catch (error) {
    throw failure(error);
  }
}

export function sealSecret(publicKey, value, options = {}) {
  if (typeof publicKey !== "string" || typeof value !== "string")
    throw usage("sealSecret takes a public key in base64 and a value");
  if (loaded())
    throw usage(
      "the module is not started yet",
      'await another function of the package first, or init of "lakekey/init"',
    );
  try {
    return seal(publicKey, value, new Host(settings(options, [])));
  } catch (error) {
    throw failure(error);
  }
}
