// What the machine and the configuration give the packed command line: pipes and devices as files, hosts that
// the file alone names, values that are to be masked.

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { execFile, execFileSync } from "node:child_process";
import { readFileSync, symlinkSync } from "node:fs";
import process from "node:process";
import { afterEach, before, beforeEach, test } from "node:test";
import { pathToFileURL } from "node:url";

import sodium from "libsodium-wrappers";

import { emulator, withCallback } from "./support/emulator.js";
import { installed } from "./support/package.js";

let user, emu, config;
before(async () => {
  user = await installed();
});
beforeEach(async () => {
  emu = await emulator();
  config = user.file("lakekey.yml", withCallback(emu.document));
});
afterEach(() => emu.stop());

const part = (path) => import(pathToFileURL(`${user.folder}/node_modules/lakekey/${path}`).href);

/** Runs a line of bash in the folder. */
const bash = (line, env) =>
  new Promise((resolve) => {
    const lakekey = `${user.folder}/node_modules/.bin/lakekey`;
    const all = { PATH: process.env.PATH, HOME: user.folder, ...env };
    execFile("bash", ["-c", line.replace("LAKEKEY", lakekey)], { cwd: user.folder, env: all }, (error, stdout, stderr) =>
      resolve({ status: error?.code ?? 0, stdout, stderr }),
    );
  });

test("a value is masked in every form in which it may be repeated, and a short word in none", async () => {
  const { Masks } = await part("cli/masks.js");
  const value = "s3cr3t/value+x~é\"'end";
  const masks = new Masks();
  assert.deepEqual(masks.add(value), [value]);
  assert.deepEqual(masks.add(value), []);
  const basic = (user) => Buffer.from(`${user}:${value}`).toString("base64");
  const forms = [
    value,
    encodeURIComponent(value),
    encodeURIComponent(value).replace(/%[0-9A-F]{2}/g, (byte) => byte.toLowerCase()),
    new URLSearchParams({ a: value }).toString().slice(2),
    JSON.stringify(value).slice(1, -1),
    Buffer.from(value).toString("base64"),
    Buffer.from(value).toString("base64url"),
    basic(""),
    basic("u"),
    basic("us"),
  ];
  for (const form of forms) {
    const left = masks.apply(form).replaceAll("***", "");
    assert.ok(left.length <= 12, `${left} is left of ${form}`);
  }
  masks.add("secret-one");
  masks.add("one-and-two");
  assert.equal(masks.apply("a secret-one-and-two b"), "a *** b");
  assert.deepEqual(masks.add("abcde"), []);
  assert.equal(masks.apply("abcde"), "abcde");
});

test("in GitHub Actions every value is masked before anything else is said of it", async () => {
  const command = ["rotate", "--force", "--dry-run"];
  const run = await user.cli(["--config", config, ...command], { ...emu.env, GITHUB_ACTIONS: "true" });
  const masked = run.stderr.split("\n").filter((line) => line.startsWith("::add-mask::"));
  assert.ok(masked.length > 0, run.stderr);
  const outside = await user.cli(["--config", config, ...command], emu.env);
  assert.ok(!outside.stderr.includes("::add-mask::"), outside.stderr);
});

test("on Windows the Azure CLI is started without a shell, by the Python beside it", async () => {
  const { azureCliOf } = await part("lib/index.js");
  const there = new Set(["C:\\az\\wbin\\az.cmd", "C:\\az\\wbin\\..\\python.exe", "bin\\az.cmd"]);
  const env = { Path: 'bin;.;;"C:\\az\\wbin\\"', AZURE_CONFIG_DIR: "x", AZURE_CLIENT_SECRET: "y", TOKEN: "z" };
  assert.deepEqual(azureCliOf("win32", env, (path) => there.has(path)), {
    environment: { Path: env.Path, AZURE_CONFIG_DIR: "x" },
    program: ["C:\\az\\wbin\\..\\python.exe", "-IBm", "azure.cli"],
  });
  assert.equal(azureCliOf("win32", env, (path) => path === "bin\\az.cmd").program, undefined);
  assert.deepEqual(azureCliOf("linux", { PATH: "/bin", ACTIONS_ID_TOKEN_REQUEST_TOKEN: "z" }, () => false), {
    environment: { PATH: "/bin" },
    program: ["az"],
  });
});

test("a configuration comes from standard input, a pipe or a process substitution", async () => {
  execFileSync("mkfifo", [`${user.folder}/pipe`]);
  for (const line of [
    "LAKEKEY status --json --config - <lakekey.yml",
    "LAKEKEY status --json --config <(cat lakekey.yml)",
    "cat lakekey.yml >pipe & LAKEKEY status --json --config pipe",
  ]) {
    const run = await bash(line, emu.env);
    assert.equal(JSON.parse(run.stdout).command, "status", run.stderr);
  }
});

test("a device is no configuration", async () => {
  for (const device of ["/dev/zero", "/dev/null"]) {
    const run = await user.cli(["status", "--config", device], emu.env);
    assert.equal(run.status, 2);
    assert.match(run.stderr, /config-unreadable/);
  }
});

test("a secret comes from a regular file alone", async () => {
  execFileSync("mkfifo", [`${user.folder}/secret-pipe`]);
  symlinkSync("/dev/zero", `${user.folder}/secret-link`);
  for (const path of ["secret-pipe", "secret-link", "."]) {
    const text = readFileSync(config, "utf8");
    const written = text.replace(/client-secret: .*/, `client-secret: {file: "${user.folder}/${path}"}`);
    assert.notEqual(written, text);
    const file = user.file("files.yml", written);
    const run = await user.cli(["status", "--config", file], emu.env);
    assert.equal(run.status, 2, run.stderr);
    assert.match(run.stderr, /no regular file/);
  }
});

test("a host that the file alone names needs naming at the command line", async () => {
  const text = readFileSync(config, "utf8").replace(/^ +accounts: .*\n/m, "");
  const written = text.replace(/^endpoints:\n/m, "endpoints:\n  accounts: https://accounts.corp.example\n");
  assert.notEqual(written, text);
  const file = user.file("hosts.yml", written);
  const args = ["plan", "--config", file];
  const refused = await user.cli(args, emu.env);
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /config-host-outside-cloud[\s\S]*--allow-host accounts\.corp\.example/);
  const named = await user.cli([...args, "--allow-host", "accounts.corp.example"], emu.env);
  const outside = await user.cli(args, { ...emu.env, LAKEKEY_ALLOW_HOSTS: "a.example,*.corp.example" });
  for (const { stderr } of [named, outside])
    assert.match(stderr, /endpoints\.accounts has secrets sent to accounts\.corp\.example/);
});

test("libsodium opens what is sealed, whatever the value", async () => {
  await sodium.ready;
  const { sealSecret } = await user.load();
  const values = ["", "a", "dapi-value", "é日🔑", "line\nline", "x".repeat(48_000), "\u0000\uffff"];
  for (const value of values) {
    const { publicKey, privateKey } = sodium.crypto_box_keypair();
    const sealed = sealSecret(Buffer.from(publicKey).toString("base64"), value);
    const opened = sodium.crypto_box_seal_open(Buffer.from(sealed, "base64"), publicKey, privateKey);
    assert.equal(Buffer.from(opened).toString("utf8"), value);
  }
});
