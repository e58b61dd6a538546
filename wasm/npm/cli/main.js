// The command line: what the binary does, where Node is and no binary shall be.

import { readFileSync } from "node:fs";
import process from "node:process";

import { LakekeyError, execute, matrix } from "../lib/index.js";
import "../node.js";
import { HELP, parse } from "./arguments.js";
import { Pipelines, harmless, harmlessJson } from "./pipelines.js";
import { printable, render } from "./text.js";

const CONFIGURATION = /^(config-|usage-invalid$|lifetime-over-maximum$)/;

function read(path) {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new LakekeyError({ code: "config-unreadable", key: path, message: `it cannot be read (${error.code})`, hint: "check that the file exists, or name it with --config" });
  }
}

/** What happened and what to do, in one line. */
const advice = ({ message, hint }) => printable([message, hint].filter(Boolean).join(": "));

/** Writes a document; a pipeline must not read a command in it. */
const json = (stdout, pipelines, document, indent) => {
  const text = JSON.stringify(document, null, indent);
  stdout.write(`${pipelines ? harmlessJson(text) : text}\n`);
};

/** Node's fetch passes a proxy by unless told; saying so saves an hour of search. */
function proxyNotice(env) {
  const proxy = env.HTTPS_PROXY || env.https_proxy;
  if (!proxy || env.NODE_USE_ENV_PROXY === "1" || process.execArgv.includes("--use-env-proxy")) return undefined;
  return "HTTPS_PROXY is set, and Node honours it only with NODE_USE_ENV_PROXY=1 (Node 22.21, 24.5 and later)";
}

/** Runs a command line and returns the exit status. */
export async function main(args, { env = process.env, stdout = process.stdout, stderr = process.stderr } = {}) {
  const pipelines = /^true$/i.test(env.TF_BUILD ?? "") ? new Pipelines((line) => stderr.write(`${line}\n`)) : undefined;
  const say = (text) => stderr.write(`${pipelines ? harmless(printable(text)) : printable(text)}\n`);
  const stop = new AbortController();
  const onSignal = () => {
    if (stop.signal.aborted) process.exit(130);
    say("stopping at the next safe point");
    stop.abort();
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  try {
    return await command(args, { env, stdout, say, pipelines, signal: stop.signal });
  } catch (error) {
    const known = error instanceof LakekeyError ? error : new LakekeyError({ code: "internal", message: "something failed that never should", hint: "this is a defect of lakekey: please report it" });
    say(`${known.message} [${known.code}]`);
    if (known.hint) say(`  ${known.hint}`);
    pipelines?.issue("error", known.code, advice(known));
    pipelines?.failed(printable(known.message));
    return CONFIGURATION.test(known.code) ? 2 : 1;
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
  }
}

async function command(args, { env, stdout, say, pipelines, signal }) {
  const { help, version, command: name, values } = parse(args, env);
  if (help) return void stdout.write(HELP) ?? 0;
  if (version) {
    const { version: number } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
    stdout.write(`lakekey ${number}\n`);
    return 0;
  }
  try {
    return await serve(name, values, { env, stdout, say, pipelines, signal });
  } catch (error) {
    // A run that could not begin has a report without targets.
    if (values.json && error instanceof LakekeyError) {
      const { code, step, hint, key, requestId = null } = error;
      const refusal = { version: 1, command: name, targets: [], error: { code, step, message: error.text, hint, "request-id": requestId, key } };
      json(stdout, pipelines, refusal, 2);
    }
    throw error;
  }
}

async function serve(name, values, { env, stdout, say, pipelines, signal }) {
  const document = new TextDecoder("utf-8").decode(read(values.config));
  const notice = proxyNotice(env);
  if (notice) say(notice);
  if (values.matrix !== undefined) {
    const spread = await matrix(document, { env, targets: values.target, shards: Number(values.matrix) });
    json(stdout, pipelines, spread);
    return 0;
  }
  const options = {
    env,
    signal,
    targets: values.target,
    dryRun: values["dry-run"],
    onSecret: (value) => pipelines?.secret(value),
    onEvent: (event) => onEvent(event, say, pipelines),
    ...(name === "rotate" && { force: values.force }),
    ...(name === "revoke" && { superseded: values.superseded, all: values.all, tokenId: values["token-id"] }),
    // In a pipeline a callback is a variable of that name for the steps that follow.
    ...(pipelines && { sinkOf: (sink) => (value) => pipelines.secretVariable(sink, value) }),
  };
  const { exit, report } = await execute(name, document, options, ["force", "superseded", "all", "tokenId", "sinkOf"]);
  if (values.json) json(stdout, pipelines, report, 2);
  else stdout.write(`${pipelines ? harmless(render(report)) : render(report)}\n`);
  if (pipelines) tell(report, exit, pipelines);
  if (exit !== 0) return exit;
  const bad = found(report, values["fail-on"], say, pipelines);
  if (bad === 0) pipelines?.done();
  return bad;
}

function onEvent({ target, step, phase, message, error }, say, pipelines) {
  say(`${target}  ${phase === "done" ? "" : `${phase} `}${step}: ${message}`);
  if (phase === "warning") pipelines?.issue("warning", error?.code, printable(`${target}: ${message}`));
}

/** Tells the pipeline how it ended. */
function tell(report, exit, pipelines) {
  const failed = report.targets.filter(({ error }) => error);
  for (const { name, error } of failed) pipelines.issue("error", error.code, `${printable(name)}: ${advice(error)}`);
  if (report.targets.length === 1) {
    const [{ outcome, credential }] = report.targets;
    pipelines.variable("LAKEKEY_OUTCOME", outcome);
    for (const [name, value] of [["TOKEN_ID", credential?.id], ["EXPIRES", credential?.expires], ["DUE", credential?.due]]) {
      if (value) pipelines.variable(`LAKEKEY_${name}`, value);
    }
  }
  if (exit !== 0) pipelines.failed(`${failed.length} of ${report.targets.length} targets failed`);
}

/** Returns 3 where a credential is as far gone as `--fail-on` says. */
function found(report, failOn, say, pipelines) {
  const bad = { due: ["due", "overdue"], overdue: ["overdue"] }[failOn] ?? [];
  const names = report.targets.filter(({ outcome }) => bad.includes(outcome)).map(({ name }) => name);
  if (names.length === 0) return 0;
  say(`${failOn}: ${names.join(", ")}`);
  pipelines?.issue("error", undefined, `${failOn}: ${names.join(", ")}`);
  pipelines?.failed(`${failOn}: ${names.join(", ")}`);
  return 3;
}
