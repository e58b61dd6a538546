// The options of every function: each is checked before anything is done, since one of another type would do
// something else than it says.

import { usage } from "./errors.js";

const isFunction = (value) => typeof value === "function";
const isFlag = (value) => typeof value === "boolean";
const isObject = (value) => value !== null && typeof value === "object";
const isText = (value) => typeof value === "string" && value !== "";
const isNames = (value) => Array.isArray(value) && value.every((name) => typeof name === "string");

/** What each option must be, and how that is said. */
const KINDS = {
  fetch: [isFunction, "a function"],
  onEvent: [isFunction, "a function"],
  onSecret: [isFunction, "a function"],
  readFile: [isFunction, "a function"],
  azureCli: [isFunction, "a function"],
  now: [isFunction, "a function"],
  setTimeout: [isFunction, "a function"],
  clearTimeout: [isFunction, "a function"],
  getRandomValues: [isFunction, "a function"],
  Octokit: [isFunction, "the class of an Octokit"],
  octokit: [(value) => isFunction(value?.request), "an Octokit"],
  env: [isObject, "an object"],
  signal: [(value) => isFunction(value?.addEventListener), "an AbortSignal"],
  sinks: [isObject, "an object of functions"],
  targets: [isNames, "a list of names"],
  dryRun: [isFlag, "true or false"],
  notify: [isFlag, "true or false"],
  throwOnFailure: [isFlag, "true or false"],
  force: [isFlag, "true or false"],
  fix: [isFlag, "true or false"],
  yes: [isFlag, "true or false"],
  superseded: [isFlag, "true or false"],
  managed: [isFlag, "true or false"],
  all: [isFlag, "true or false"],
  secrets: [isFlag, "true or false"],
  tokenId: [isText, "the id of a token"],
  shards: [(value) => Number.isInteger(value) && value >= 1 && value <= 256, "a number from 1 to 256"],
  sinkOf: [isFunction, "a function"],
};

/** What every function takes. */
const SHARED = new Set([
  "fetch", "onEvent", "onSecret", "readFile", "azureCli", "now", "setTimeout", "clearTimeout", "getRandomValues",
  "Octokit", "octokit", "env", "signal", "sinks", "targets", "dryRun", "notify", "throwOnFailure",
]);

/**
 * Returns the options of a call over the platform's own; `known` are those of its command.
 *
 * Throws `usage-invalid` for an option that is not known, or is of another type.
 */
export function settings(options, known, defaults) {
  if (!isObject(options) || isFunction(options.then)) throw usage("the options are not an object");
  const given = {};
  for (const [name, value] of Object.entries(options)) {
    if (!SHARED.has(name) && !known.includes(name)) throw usage(`there is no option "${name}"`);
    if (value === undefined) continue;
    const [fits, words] = KINDS[name];
    if (!fits(value)) throw usage(`the option "${name}" is not ${words}`);
    given[name] = value;
  }
  if (given.targets?.length === 0)
    throw usage('the option "targets" names no target', "leave it out to serve all of them");
  for (const [name, sink] of Object.entries(given.sinks ?? {})) {
    if (!isFunction(sink)) throw usage(`the sink "${name}" is not a function`);
  }
  return {
    env: {},
    sinks: {},
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
    ...defaults,
    ...given,
  };
}

/** Returns the text of a configuration, and whether it was an object. */
export function documentOf(config) {
  if (typeof config === "string") return { text: config, object: false };
  if (ArrayBuffer.isView(config)) {
    const bytes = new Uint8Array(config.buffer, config.byteOffset, config.byteLength);
    return { text: new TextDecoder("utf-8").decode(bytes), object: false };
  }
  if (!isObject(config)) throw usage("the configuration is neither an object nor YAML text, nor its bytes");
  if (isFunction(config.then))
    throw usage("the configuration is a promise", "await it: `rotate(await readFile(…))`");
  try {
    return { text: JSON.stringify(config), object: true };
  } catch (error) {
    throw usage(`the configuration cannot be written as JSON: ${error?.name ?? "it throws"}`,
      "give an object of texts, numbers, lists and objects, none of which holds itself");
  }
}
