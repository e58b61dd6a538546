// What the agent of Azure Pipelines does with a step's output, as its sources have it: commands anywhere in a
// line of either stream, properties up to the first bracket, `%AZP25` decoded last.

import assert from "node:assert/strict";

const CODES = [["%3B", ";"], ["%0D", "\r"], ["%0A", "\n"], ["%5D", "]"], ["%AZP25", "%"]];
const decoded = (text) => CODES.reduce((done, [from, to]) => done.replaceAll(from, to), text);

/** Returns `{name, properties, data}` where the line holds a command. */
export function commandIn(line) {
  const start = line.indexOf("##vso[");
  const end = line.indexOf("]", start);
  if (start < 0 || end < 0) return undefined;
  const [name, ...rest] = line.slice(start + 6, end).split(" ");
  const pairs = rest.join(" ").split(";").filter((pair) => pair.trim() !== "");
  const properties = Object.fromEntries(
    pairs.map((pair) => [
      pair.slice(0, pair.indexOf("=")).trim(),
      decoded(pair.slice(pair.indexOf("=") + 1)),
    ]),
  );
  return { name, properties, data: decoded(line.slice(end + 1)) };
}

const linesOf = (text) => text.split("\n").filter((line) => line !== "");

/** Reads the output of steps and holds what the commands have set. */
export class Agent {
  variables = new Map();
  secrets = new Set();
  issues = [];
  results = [];
  /** What the log shows. */
  log = [];

  /** Reads what one step has printed; `step` is its name. */
  read({ stdout, stderr }, step) {
    for (const line of [...linesOf(stderr), ...linesOf(stdout)]) {
      const command = commandIn(line);
      if (!command) {
        this.log.push([...this.secrets].reduce((shown, secret) => shown.replaceAll(secret, "***"), line));
        continue;
      }
      this.#obey(command, step);
    }
  }

  #obey({ name, properties, data }, step) {
    if (name === "task.setsecret") this.secrets.add(data);
    else if (name === "task.setvariable") {
      assert.ok(properties.variable, "a variable has a name");
      // The agent refuses a secret of several lines here.
      if (properties.issecret === "true") assert.ok(this.secrets.has(data) && !/[\r\n]/.test(data));
      if (properties.isoutput !== "true") this.variables.set(properties.variable, data);
      else if (step) this.variables.set(`${step}.${properties.variable}`, data);
    } else if (name === "task.logissue") {
      assert.match(properties.type, /^(error|warning)$/);
      this.issues.push({ ...properties, message: data });
    } else if (name === "task.complete") this.results.push(properties.result);
    else assert.fail(`the agent knows no ${name}`);
  }
}
