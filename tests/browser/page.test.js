// The page of `status --html`, as a browser shows it.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

import { fleet, pageOf } from "./fleet.js";

const require = createRequire(import.meta.url);
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

let browser;
before(async () => {
  const executablePath = process.env.LAKEKEY_BROWSER;
  assert.ok(executablePath, "LAKEKEY_BROWSER names the browser");
  browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
});
after(() => browser?.close());

/** Opens a page, and fails for every word on the console and every request but that for the page itself. */
async function opened(report, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    if (!/^(https:\/\/page\.invalid\/$|data:)/.test(request.url())) complaints.push(request.url());
  });
  await context.route("**/*", (route) =>
    route.fulfill({ contentType: "text/html; charset=utf-8", body: pageOf(report) }),
  );
  await page.goto("https://page.invalid/");
  const calm = async () => {
    assert.deepEqual(complaints, []);
    await context.close();
  };
  return { page, calm };
}

const names = (page) => page.locator("tr.row .n button").allTextContents();

test("what is most urgent stands first and every state is told in words", async () => {
  const { page, calm } = await opened(fleet(4));
  assert.deepEqual(await names(page), ["target-0001", "target-0002", "target-0003", "target-0000"]);
  const states = await page.locator("tr.row .s").allTextContents();
  assert.deepEqual(states, ["✗ failed", "! overdue", "○ due", "✓ ok"]);
  assert.equal(await page.locator("#filters").textContent(), "4 all 1 failed 1 overdue 1 due 1 ok ");
  await calm();
});

test("a search and a filter leave what they name and say how much that is", async () => {
  const { page, calm } = await opened(fleet(200));
  await page.getByRole("searchbox").fill("target-01 databricks_token");
  await page.getByText("100 of 200").waitFor();
  await page.getByRole("button", { name: "failed", exact: false }).first().click();
  await page.getByText("25 of 200").waitFor();
  assert.ok((await names(page)).every((name) => name.startsWith("target-01")));
  await page.getByRole("searchbox").fill("no such thing");
  await page.getByText("Nothing matches.").waitFor();
  await calm();
});

test("each column sorts both ways and tells readers how", async () => {
  const { page, calm } = await opened(fleet(50));
  const head = page.getByRole("columnheader", { name: "Target" });
  await head.getByRole("button").click();
  assert.equal((await names(page))[0], "target-0000");
  assert.equal(await head.getAttribute("aria-sort"), "ascending");
  await head.getByRole("button").click();
  assert.equal((await names(page))[0], "target-0049");
  assert.equal(await head.getAttribute("aria-sort"), "descending");
  for (const name of ["State", "Due", "Ends", "Held by", "Left over"]) {
    await page.getByRole("columnheader", { name }).getByRole("button").click();
    assert.equal(await page.locator("[aria-sort]").count(), 1, name);
  }
  await calm();
});

test("the details of a row tell what happened, who holds it and what is left over", async () => {
  const { page, calm } = await opened(fleet(4));
  await page.getByRole("button", { name: "target-0001" }).click();
  const dialog = page.getByRole("dialog");
  const text = await dialog.textContent();
  for (const part of ["ask the admin", "sink-refused", "github-secret acme/data DATABRICKS_TOKEN", "0ld0001", "overlap"])
    assert.ok(text.includes(part), `${part} in ${text}`);
  await page.keyboard.press("Escape");
  assert.equal(await dialog.count(), 0);
  await calm();
});

test("no text of a service is markup and none is run", async () => {
  const report = fleet(4);
  const text = '</script><script>document.title="taken"</script><img src=x onerror=alert(1)>';
  report.targets[1].error.message = text;
  report.targets[1].delivered[0].sink = text;
  report.targets[1].workspace = `https://${text}`;
  const { page, calm } = await opened(report);
  await page.getByRole("button", { name: "target-0001" }).click();
  assert.ok((await page.getByRole("dialog").textContent()).includes(text));
  assert.equal(await page.title(), "lakekey status");
  assert.equal(await page.locator("img").count(), 0);
  await calm();
});

test("ten thousand rows are drawn as far as they are seen, and every one can be reached by keys", async () => {
  const { page, calm } = await opened(fleet(10_000));
  const drawn = async () => page.locator("tr.row").count();
  assert.ok((await drawn()) < 60, "only what is in sight is drawn");
  assert.equal(await page.getByRole("table").getAttribute("aria-rowcount"), "10001");
  await page.locator("tr.row .n button").first().focus();
  await page.keyboard.press("End");
  const focused = () => page.evaluate(() => document.activeElement.closest("tr").getAttribute("aria-rowindex"));
  assert.equal(await focused(), "10001");
  await page.keyboard.press("ArrowUp");
  assert.equal(await focused(), "10000");
  await page.keyboard.press("Home");
  assert.equal(await focused(), "2");
  for (let step = 0; step < 40; step += 1) await page.keyboard.press("ArrowDown");
  assert.equal(await focused(), "42");
  assert.ok((await drawn()) < 80);
  await page.keyboard.press("/");
  await page.keyboard.type("target-9999");
  await page.getByText("1 of 10000").waitFor();
  await calm();
});

for (const [name, options] of [
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["on a phone", { viewport: { width: 360, height: 740 } }],
  ["dark on a phone", { colorScheme: "dark", viewport: { width: 360, height: 740 } }],
]) {
  test(`axe finds nothing to object to: ${name}`, async () => {
    const { page, calm } = await opened(fleet(60), options);
    for (const open of [false, true]) {
      if (open) await page.locator("tr.row .n button").first().click();
      await page.evaluate(AXE);
      const { violations } = await page.evaluate(() => globalThis.axe.run(document));
      const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join("\n  ")}`);
      assert.deepEqual(told, []);
    }
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${wide} pixels stand out at the right`);
    await calm();
  });
}

test("the binary writes the page of its own fleet", async () => {
  const { LAKEKEY_BIN: binary } = process.env;
  assert.ok(binary, "LAKEKEY_BIN names the binary");
  const folder = mkdtempSync(join(tmpdir(), "lakekey-page-"));
  const emulator = spawn(binary, ["emulate", "--workspaces", "3"], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [line] = await once(createInterface({ input: emulator.stdout }), "line");
    const { env, config } = JSON.parse(line);
    const file = join(folder, "status.html");
    const run = (...words) =>
      execFileSync(binary, [...words, "--config", config], { env: { ...process.env, ...env }, stdio: "pipe" });
    run("provision", "--quiet");
    run("status", "--html", file);
    const page = await browser.newPage();
    await page.goto(pathToFileURL(file).href);
    assert.equal((await names(page)).length, 3);
    assert.ok((await page.locator("#filters").textContent()).includes("3 ok"));
    await page.close();
  } finally {
    emulator.kill();
    rmSync(folder, { recursive: true });
  }
});

test("everything is printed, not only what is in sight", async () => {
  const { page, calm } = await opened(fleet(300));
  await page.emulateMedia({ media: "print" });
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  assert.equal(await page.locator("tr.row").count(), 300);
  const cut = await page.evaluate(() => {
    const box = document.getElementById("scroll");
    return box.scrollHeight - box.clientHeight;
  });
  assert.ok(cut <= 1, "nothing is cut off");
  assert.equal(await page.getByRole("searchbox").isVisible(), false);
  await page.evaluate(() => dispatchEvent(new Event("afterprint")));
  await calm();
});
