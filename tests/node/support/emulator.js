// The emulator as a process: one for each test file, or one for each test that bends its clock.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline";

export const BINARY = process.env.LAKEKEY_BIN;
if (!BINARY) throw new Error("LAKEKEY_BIN names the lakekey binary that brings the emulator");

/** Starts an emulator; `stop` ends it. */
export async function emulator(...options) {
  const child = spawn(BINARY, ["emulate", ...options], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { PATH: process.env.PATH },
  });
  const kill = () => child.kill();
  process.once("exit", kill);
  const [line] = await Promise.race([
    createInterface({ input: child.stdout })
      [Symbol.asyncIterator]()
      .next()
      .then(({ value }) => [value]),
    new Promise((_, reject) =>
      child.once("exit", (code) => reject(new Error(`the emulator ended with ${code}`))),
    ),
  ]);
  const ready = JSON.parse(line);
  const control = async (method, path, body) => {
    const response = await fetch(`${ready.control}${path}`, {
      method,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  };
  return {
    ready,
    env: ready.env,
    document: readFileSync(ready.config, "utf8"),
    control,
    requests: async () => (await control("GET", "/requests")).requests,
    forget: () => control("DELETE", "/requests"),
    state: () => control("GET", "/state"),
    secrets: async () => (await control("GET", "/issued-secrets")).secrets,
    faults: (...faults) => control("POST", "/faults", { faults }),
    /** Puts things into the world; returns what the emulator tells of them. */
    seed: async (...things) =>
      Object.assign(
        {},
        ...(await Promise.all(things.map((thing) => control("POST", "/seed", thing)))).flatMap(
          ({ made }) => made,
        ),
      ),
    advance: (seconds) => control("POST", "/clock", { "advance-seconds": seconds }),
    stop: () =>
      new Promise((resolve) => {
        process.off("exit", kill);
        child.once("exit", resolve);
        child.kill();
      }),
  };
}

/** Makes of the emulator's document one whose only place of delivery is a callback. */
export const withCallback = (document, name = "catalog") =>
  document.replace(/( {4}deliver:\n)[^]*$/, `$1      - type: callback\n        name: ${name}\n`);

/** Returns the values of the tokens that work in the emulator's first workspace, asked with each of them. */
export async function works(emu, value) {
  const response = await fetch(`${emu.ready.workspaces[0]}/api/2.0/preview/scim/v2/Me`, {
    headers: { authorization: `Bearer ${value}` },
  });
  await response.arrayBuffer();
  return response.status === 200;
}
