// The logging commands of Azure Pipelines.
//
// <https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands>

const escaped = (text, pairs) => pairs.reduce((done, [from, to]) => done.replaceAll(from, to), String(text));

// The percent sign first, since the others bring it.
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

/** Takes the sting out of text that comes from elsewhere: a line of it must not be read as a command. */
export const harmless = (text) => text.replaceAll("##vso[", "## vso[").replaceAll("##[", "## [");

/**
 * Speaks to the agent; `write` prints one line. Commands go to standard error as all but the result does, which the agent reads
 * too, so that a redirected `--json` keeps its masks.
 */
export class Pipelines {
  #write;
  #masked = new Set();

  constructor(write) {
    this.#write = write;
  }

  /** Masks a value: whole, and each of its lines, since the log is masked line by line. */
  secret(value) {
    for (const part of [value, ...value.split(/\r\n|\r|\n/)]) {
      if (part.trim() === "" || this.#masked.has(part)) continue;
      this.#masked.add(part);
      this.#write(command("task.setsecret", {}, part));
    }
  }

  /** Sets a secret variable for the steps that follow. */
  secretVariable(name, value) {
    this.secret(value);
    this.#write(command("task.setvariable", { variable: name, issecret: "true", isoutput: "true" }, value));
    this.#write(command("task.setvariable", { variable: name, issecret: "true" }, value));
  }

  variable(name, value) {
    this.#write(command("task.setvariable", { variable: name, isoutput: "true" }, value));
  }

  issue(type, code, message) {
    this.#write(command("task.logissue", { type, code }, message));
  }

  failed(message) {
    this.#write(command("task.complete", { result: "Failed" }, message));
  }
}
