// The logging commands of Azure Pipelines.
//
// <https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands>

import { SHORTEST, linesOf } from "./masks.js";

const escaped = (text, pairs) => pairs.reduce((done, [from, to]) => done.replaceAll(from, to), String(text));

// The percent sign first, since the others bring it. Agents decode it so since 2.184 (of 2021).
const DATA = [["%", "%AZP25"], ["\r", "%0D"], ["\n", "%0A"]];
const PROPERTY = [...DATA, ["]", "%5D"], [";", "%3B"]];

/** Makes one command. A property without a value is left out. */
export function command(name, properties, message) {
  const list = Object.entries(properties)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${escaped(value, PROPERTY)};`)
    .join("");
  return `##vso[${name}${list && ` ${list}`}]${escaped(message, DATA)}`;
}

/**
 * Two number signs begin a command anywhere in a line; the agent compares as people do, who see no format
 * characters.
 */
const PAIR = /#(?=\p{Cf}*#)/gu;

/** Takes the sting out of text that comes from elsewhere: no line of it is read as a command. */
export const harmless = (text) => text.replace(PAIR, "# ");

/**
 * The same for JSON, where a number sign can stand in a string alone, so that the document says what it said.
 */
export const harmlessJson = (text) => text.replace(PAIR, "\\u0023");

/**
 * Speaks to the agent; `write` prints one line. Commands go to standard error as all but the result does,
 * which the agent reads too, so that a redirected `--json` keeps its masks.
 */
export class Pipelines {
  #write;
  #masked = new Set();
  #warned = false;

  constructor(write) {
    this.#write = write;
  }

  /** Masks a value: whole, and each of its lines, since the log is masked line by line. */
  secret(value) {
    for (const part of [value, ...linesOf(value)]) {
      if (part.trim().length < SHORTEST || this.#masked.has(part)) continue;
      this.#masked.add(part);
      this.#write(command("task.setsecret", {}, part));
    }
  }

  /** Sets a secret variable for the steps that follow. */
  secretVariable(name, value) {
    this.secret(value);
    this.#set({ variable: name, issecret: "true" }, value);
  }

  variable(name, value) {
    this.#set({ variable: name }, value);
  }

  /**
   * Twice: an output is known by its step's name alone, also to other jobs; the plain one needs no name of
   * the step.
   */
  #set(properties, value) {
    this.#write(command("task.setvariable", { ...properties, isoutput: "true" }, value));
    this.#write(command("task.setvariable", properties, value));
  }

  issue(type, code, message) {
    this.#warned ||= type === "warning";
    this.#write(command("task.logissue", { type, code }, message));
  }

  failed(message) {
    this.#write(command("task.complete", { result: "Failed" }, message));
  }

  /** A step succeeds by itself; one that has warned does so with issues. */
  done() {
    if (this.#warned)
      this.#write(command("task.complete", { result: "SucceededWithIssues" }, "done, with warnings"));
  }
}
