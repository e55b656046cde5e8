// Starts Chromium and does what each line of its input says: a method of the page or its context, with arguments.
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { chromium } from "playwright-core";

const { executablePath, env, args } = JSON.parse(process.env.DRIVER_OPTIONS);
const browser = await chromium.launch({ executablePath, args, env: { ...process.env, ...env } });
let context, page, events;

const commands = {
  /** A visitor whom the browser knows nothing of. */
  async newVisitor(options) {
    await context?.close();
    context = await browser.newContext(options);
    await commands.newPage();
  },
  /** Another visit of the same visitor, in a new tab. */
  async newPage() {
    const old = page;
    page = await context.newPage();
    if (old && !old.isClosed()) await old.close();
    events = { errors: [], urls: [] };
    page.on("console", (message) => message.type() === "error" && events.errors.push(message.text()));
    page.on("pageerror", (error) => events.errors.push(String(error)));
    page.on("request", (request) => events.urls.push(request.url()));
  },
  /** Give this image for every https address. It turns the HTTP cache off. */
  async serveImage(base64) {
    const body = Buffer.from(base64, "base64");
    await page.route(/^https:/, (route) => route.fulfill({ body, contentType: "image/png" }));
  },
  /** Playwright's own waiting needs eval in the page, which its policy forbids. */
  async waitFor(condition) {
    for (let attempt = 0; attempt < 1000; attempt++) {
      if (await page.evaluate(condition).catch(() => false)) return;
      await setTimeout(20);
    }
    throw new Error(`never true; the page has: ${await page.evaluate("document.body.innerText")}`);
  },
  goOffline: () => context.setOffline(true),
  goOnline: () => context.setOffline(false),
  events: () => events,
};

async function run({ method, args }) {
  if (method in commands) return commands[method](...args);
  const names = method.split(".");
  const target = names.slice(0, -1).reduce((object, name) => object[name], page);
  const value = await target[names.at(-1)](...args);
  return ["boolean", "number", "string"].includes(typeof value) || method === "evaluate" ? value : null;
}

for await (const line of createInterface({ input: process.stdin })) {
  const reply = await run(JSON.parse(line)).then(
    (value) => ({ value: value ?? null }),
    (error) => ({ error: String(error) }),
  );
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
await browser.close();
