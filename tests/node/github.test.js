// GitHub secrets through the package's API: with the core's own requests, and over an Octokit of the
// caller's.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, before, beforeEach, test } from "node:test";

import { Octokit } from "@octokit/core";

import { emulator } from "./support/emulator.js";
import { installed } from "./support/package.js";
import { quickTime } from "./support/time.js";

const PLACES = [
  "{type: github-secret, repository: acme/data, secret: DATABRICKS_TOKEN}",
  "{type: github-secret, repository: acme/site, environment: pre prod/eu, secret: DATABRICKS_TOKEN}",
  "{type: github-secret, organization: acme, secret: SHARED_TOKEN, visibility: selected, repositories: [site, data]}",
];

let user, lakekey, emu, time;
before(async () => {
  user = await installed();
  lakekey = await user.load();
});
beforeEach(async () => {
  emu = await emulator();
  time = quickTime();
  await emu.seed({ "github-repository": { name: "acme/site", environments: ["pre prod/eu"] } });
});
afterEach(() => emu.stop());

const only = ({ targets }) => {
  assert.equal(targets.length, 1);
  return targets[0];
};
/** Makes of the emulator's document one with those places of delivery. */
const documentWith = (places) =>
  emu.document.replace(/( {4}deliver:\n)[^]*$/, `$1${places.map((place) => `      - ${place}\n`).join("")}`);
const withoutSignIn = (document) => document.replace(/^github:\n(?: {2}.*\n)+/m, "");
const options = (more) => ({ env: emu.env, ...time.options, ...more });

/** Sends with `fetch` and keeps what goes to GitHub. */
function recording() {
  const sent = [];
  const fetching = (url, init) => {
    if (String(url).startsWith(emu.ready.github)) {
      const {
        accept,
        authorization,
        "content-type": type,
        "x-github-api-version": version,
      } = Object.fromEntries(init.headers);
      const keys = init.body && Object.keys(JSON.parse(new TextDecoder().decode(init.body))).sort();
      sent.push({
        request: `${init.method} ${String(url).slice(emu.ready.github.length)}`,
        version,
        accept,
        authorization,
        type,
        keys,
      });
    }
    return fetch(url, init);
  };
  return { sent, fetch: fetching };
}

/** Asserts that every place holds the credential of a report. */
async function holdAll({ credential, delivered }) {
  const { github, workspaces } = await emu.state();
  assert.deepEqual(delivered.map(({ error }) => error), delivered.map(() => undefined));
  // A PAT's id is the hash of its value.
  assert.deepEqual(github.secrets.map(({ sha256 }) => sha256), delivered.map(() => credential.id));
  const live = workspaces[0].tokens.filter(({ comment, live }) => live && comment.includes("lakekey"));
  assert.deepEqual(live.map((token) => token["token-id"]), [credential.id]);
}

/** Provisions, and rotates once more with the organisation's secret left to those who see it. */
async function rotates(document, more) {
  const { sent, fetch } = recording();
  const first = only(await lakekey.provision(document, options({ ...more, fetch })));
  assert.equal(first.outcome, "provisioned", JSON.stringify(first.error));
  const left = document.replace(", visibility: selected, repositories: [site, data]", "");
  const second = only(await lakekey.rotate(left, options({ ...more, fetch, force: true })));
  assert.equal(second.outcome, "rotated", JSON.stringify(second.error));
  await holdAll(second);
  return sent;
}

test("a rotation delivers to GitHub secrets where no Octokit is installed or passed", async () => {
  assert.ok(!existsSync(join(user.folder, "node_modules/@octokit")));
  const sent = await rotates(documentWith(PLACES));
  assert.ok(sent.some(({ request }) => request === "PUT /repos/acme/data/actions/secrets/DATABRICKS_TOKEN"));
  assert.ok(
    sent.some(
      ({ request }) =>
        request === "PUT /repos/acme/site/environments/pre%20prod%2Feu/secrets/DATABRICKS_TOKEN",
    ),
  );
  assert.ok(
    sent.some(
      ({ request, keys }) =>
        request === "PUT /orgs/acme/actions/secrets/SHARED_TOKEN" && keys.includes("selected_repository_ids"),
    ),
  );
});

/** Requests that leave at the same time have no order among them. */
const sorted = (sent) => sent.map((one) => JSON.stringify(one)).sort();

const WAYS = {
  "the caller's class": { document: (text) => text, more: () => ({ Octokit }) },
  "the caller's own Octokit": {
    document: withoutSignIn,
    more: () => ({ octokit: new Octokit({ auth: emu.env.LAKEKEY_GITHUB_TOKEN }) }),
  },
};
for (const [name, { document, more }] of Object.entries(WAYS)) {
  test(`${name} sends the same requests for a repository, an environment and an organisation as lakekey by itself`, async () => {
    const own = await rotates(documentWith(PLACES));
    assert.ok(own.length > 20, `${own.length} requests are compared`);
    assert.ok(own.every(({ version }) => version === "2022-11-28"));
    // Another world of the same form, in which nothing is written yet.
    await emu.stop();
    const token = emu.env.LAKEKEY_GITHUB_TOKEN;
    emu = await emulator();
    time = quickTime();
    await emu.seed({ "github-repository": { name: "acme/site", environments: ["pre prod/eu"] } });
    const passed = await rotates(document(documentWith(PLACES)), more());
    const renamed = passed.map((one) => ({
      ...one,
      authorization: one.authorization.replace(emu.env.LAKEKEY_GITHUB_TOKEN, token),
    }));
    assert.deepEqual(sorted(renamed), sorted(own));
  });
}

test("what the caller's own Octokit does besides is done with every request", async () => {
  const octokit = new Octokit({ auth: emu.env.LAKEKEY_GITHUB_TOKEN });
  const seen = [];
  octokit.hook.before("request", ({ method }) => void seen.push(method));
  const sent = await rotates(withoutSignIn(documentWith(PLACES)), { octokit });
  assert.deepEqual(seen.sort(), sent.map(({ request }) => request.split(" ")[0]).sort());
});

test("the token of the caller's own Octokit is told to onSecret", async () => {
  const secrets = new Set();
  const octokit = new Octokit({ auth: emu.env.LAKEKEY_GITHUB_TOKEN });
  await rotates(withoutSignIn(documentWith(PLACES)), { octokit, onSecret: (value) => secrets.add(value) });
  assert.ok(secrets.has(emu.env.LAKEKEY_GITHUB_TOKEN));
});

test("the configuration's sign-in goes before that of the caller's own Octokit", async () => {
  const sent = await rotates(documentWith(PLACES), {
    octokit: new Octokit({ auth: "github_pat_of_somebody_else" }),
  });
  assert.deepEqual(
    [...new Set(sent.map(({ authorization }) => authorization))],
    [`Bearer ${emu.env.LAKEKEY_GITHUB_TOKEN}`],
  );
});

/**
 * Asserts that a rotation of what is already provisioned is refused with nothing made, and returns the
 * refusal.
 */
async function refused(change, more) {
  const document = documentWith(PLACES);
  assert.equal(only(await lakekey.provision(document, options())).outcome, "provisioned");
  const before = await emu.state();
  const { outcome, error } = only(await lakekey.rotate(change(document), options({ ...more, force: true })));
  assert.equal(outcome, "failed");
  assert.deepEqual((await emu.state()).workspaces[0].tokens, before.workspaces[0].tokens);
  return error;
}

test("without a sign-in a class of the caller's is refused before anything is made", async () => {
  assert.equal((await refused(withoutSignIn, { Octokit })).code, "github-not-configured");
});

test("a class that makes no Octokit is refused before anything is made", async () => {
  class Broken {
    constructor() {
      throw new Error("no");
    }
  }
  const { code, hint } = await refused((document) => document, { Octokit: Broken });
  assert.equal(code, "sink-unsupported");
  assert.match(hint, /GitHub secrets need none/);
});

test("an Octokit that throws after a write has nothing revoked, and its words are not repeated", async () => {
  const document = documentWith(PLACES.slice(0, 1));
  const old = only(await lakekey.provision(document, options())).credential.id;
  const octokit = new Octokit();
  octokit.hook.after("request", (_, { method, encrypted_value: value }) => {
    if (method === "PUT") throw new Error(`could not log ${value}`);
  });
  const report = only(await lakekey.rotate(document, options({ octokit, force: true })));
  assert.equal(report.outcome, "partial", JSON.stringify(report));
  assert.deepEqual(report.revoked, []);
  assert.ok(!JSON.stringify(report).includes("could not log"));
  const [{ sha256 }] = (await emu.state()).github.secrets;
  assert.notEqual(sha256, old);
  const live = (await emu.state()).workspaces[0].tokens
    .filter((token) => token.live)
    .map((token) => token["token-id"]);
  assert.ok(live.includes(old) && live.includes(sha256));
});

test("an answer that came garbled is read once more over the caller's own Octokit too", async () => {
  const document = documentWith(PLACES.slice(0, 1));
  let garbled = 0;
  const fetching = async (url, init) => {
    const response = await fetch(url, init);
    if (garbled > 0 || !String(url).endsWith("/public-key")) return response;
    garbled += 1;
    return new Response("[", { status: 200, headers: { "content-type": "application/json" } });
  };
  const report = only(await lakekey.provision(document, options({ Octokit, fetch: fetching })));
  assert.equal(garbled, 1);
  assert.equal(report.outcome, "provisioned", JSON.stringify(report.error));
});
