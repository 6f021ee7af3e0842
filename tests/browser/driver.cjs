// Drives a real Chromium for a test. Reads one command a line from stdin and answers one line each, both JSON:
// {"do":"open","page":"ada",…} → {"ok":…} or {"error":"…"}. After each command the server's page is looked over
// by `inspect`, which tells what a visited page must not do. Nothing here knows Strongroom: the story stands in Rust.
'use strict';

const { readFileSync } = require('node:fs');
const { createInterface } = require('node:readline');
const { chromium } = require('playwright-core');

const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const patience = 30_000;
// The flags without which Chromium looks for Google's hosts at each start; root has no sandbox of its own.
const flags = [
  ...(process.getuid() === 0 ? ['--no-sandbox'] : []),
  '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-dev-shm-usage', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-default-apps', '--disable-extensions',
];

let browser;
let host;
// Hosts besides the server's that a test leads to on purpose: they are not looked over.
const others = new Set();
const pages = new Map();

// A person at a window of its own: own cookies, own size, own taste. What it must not meet is kept until it is asked for.
async function person({ page: name, scheme = 'light', width = 1280, height = 900, script = true }) {
  const context = await browser.newContext({
    colorScheme: scheme, viewport: { width, height }, javaScriptEnabled: script, reducedMotion: 'reduce',
    isMobile: width < 600, hasTouch: width < 600, deviceScaleFactor: 1, acceptDownloads: true,
  });
  context.setDefaultTimeout(patience);
  const page = await context.newPage();
  const met = [];
  page.on('console', (message) => {
    if (others.has(new URL(page.url()).host)) return;
    // a refused form is answered with 4xx, which Chromium reports as if the page were broken
    const refused = /^Failed to load resource: the server responded with a status of 4\d\d/.test(message.text());
    if (message.type() === 'error' && !refused) met.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => met.push(`script: ${error.message}`));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (['http:', 'https:', 'ws:', 'wss:'].includes(url.protocol) && url.host !== host && !others.has(url.host)) met.push(`a request to ${url.host}`);
  });
  pages.set(name, { page, context, met, script, wide: width });
}

const seen = (name) => pages.get(name) ?? (() => { throw new Error(`nobody is called ${name}`); })();
const here = (page) => { const url = new URL(page.url()); return url.pathname + url.search; };

// A control by what a person reads: its label, or the words on it. Hidden ones do not count.
function control({ page }, { role, name, exact = true, within }) {
  const root = within ? page.locator(within) : page;
  return (role ? root.getByRole(role, { name, exact }) : root.getByLabel(name, { exact })).filter({ visible: true }).first();
}

// The page as it stands: what must not be, and all that it holds, for the search for planted values.
async function inspect({ page, context, met, script, wide }) {
  if (others.has(new URL(page.url()).host)) return { problems: met.splice(0), held: {}, at: page.url() };
  const problems = met.splice(0);
  const cookies = await context.cookies();
  const held = { url: page.url(), cookies: cookies.map(({ name, httpOnly, sameSite }) => ({ name, httpOnly, sameSite })) };
  held.html = await page.content();
  if (!script) return { problems, held, at: here(page) };
  const stored = await page.evaluate(() => ({
    storage: JSON.stringify([{ ...localStorage }, { ...sessionStorage }]),
    fields: [...document.querySelectorAll('input, textarea')].map((field) => field.value).join('\n'),
    widest: document.documentElement.scrollWidth,
  }));
  Object.assign(held, stored);
  if (stored.widest > wide) problems.push(`the page is ${stored.widest} px wide in a window of ${wide} px`);
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  for (const { id, help, nodes } of found.violations) {
    const places = nodes.slice(0, 5).map((node) => `${node.target.join(' ')} (${node.any.concat(node.all, node.none)[0]?.message ?? ''})`);
    problems.push(`axe ${id}: ${help}: ${places.join('; ')}`);
  }
  return { problems, held, at: here(page) };
}

// What can have the keyboard on a page, in its order. Of radio buttons one in a group can.
const reachable = () => {
  const all = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')];
  const group = (field) => `${field.form?.action} ${field.name}`;
  const chosen = new Map();
  for (const radio of all.filter(({ type }) => type === 'radio')) {
    if (radio.checked || !chosen.has(group(radio))) chosen.set(group(radio), radio);
  }
  return all.filter((element) => !element.disabled && element.tabIndex >= 0 && element.checkVisibility({ visibilityProperty: true })
    && !(element.type === 'radio' && chosen.get(group(element)) !== element));
};

// Walks a page with the Tab key from its beginning to its end. Tells what can be used and was not reached in the order in
// which it stands, and what had the keyboard without showing it.
async function walk({ page }) {
  await page.evaluate(`(() => { document.activeElement?.blur(); scrollTo(0, 0); globalThis.reachable = ${reachable}; globalThis.order = reachable(); })()`);
  const count = await page.evaluate(() => globalThis.order.length);
  const problems = [];
  await page.evaluate(() => { document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex'); });
  for (let index = 0; index < count; index += 1) {
    await page.keyboard.press('Tab');
    const problem = await page.evaluate((at) => {
      const [now, wanted] = [document.activeElement, globalThis.order[at]];
      const called = (element) => `<${element.tagName.toLowerCase()}> ${(element.innerText || element.ariaLabel || element.name || '').trim().slice(0, 40)}`;
      if (now !== wanted) return `${called(now)} has the keyboard instead of ${called(wanted)}`;
      const box = now.getBoundingClientRect();
      if (box.bottom <= 0 || box.top >= innerHeight || box.right <= 0 || box.left >= innerWidth) return `${called(now)} is out of sight`;
      const style = getComputedStyle(now);
      return style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 1.5 ? `${called(now)} does not show that it has the keyboard` : null;
    }, index);
    if (problem) problems.push(problem);
    if (problems.length > 3) break;
  }
  return { count, problems };
}

const verbs = {
  async start(command) {
    host = command.host;
    browser = await chromium.launch({ executablePath: command.program, args: flags, timeout: 2 * patience });
    return browser.version();
  },
  person,
  async visits({ host: other }) { others.add(other); },
  // Every request says who it is by a token, as programs do.
  async carries({ page: name, token }) { await seen(name).context.setExtraHTTPHeaders({ authorization: `Bearer ${token}` }); },
  async open({ page: name, url }) {
    const { page } = seen(name);
    const answer = await page.goto(url, { waitUntil: 'load' });
    return { status: answer?.status() ?? 0, headers: answer?.headers() ?? {} };
  },
  async fill({ page: name, text, ...what }) { await control(seen(name), what).fill(text); },
  async choose({ page: name, option, ...what }) { await control(seen(name), what).selectOption({ label: option }); },
  async tick({ page: name, ...what }) { await control(seen(name), what).check(); },
  async upload({ page: name, file, ...what }) { await control(seen(name), what).setInputFiles(file); },
  // Presses something that leads to an answer of the server, and waits until that is there.
  async press({ page: name, ...what }) {
    const { page } = seen(name);
    await control(seen(name), what).click();
    await page.waitForLoadState('load');
    await page.waitForLoadState('networkidle', { timeout: 3_000 }).catch(() => undefined);
  },
  async key({ page: name, key }) { await seen(name).page.keyboard.press(key); },
  async focus({ page: name, ...what }) { await control(seen(name), what).focus(); },
  async within({ page: name, selector }) {
    return seen(name).page.evaluate((place) => document.activeElement?.closest(place) !== null, selector);
  },
  async walk({ page: name }) { return walk(seen(name)); },
  async shown({ page: name, ...what }) { return control(seen(name), what).inputValue(); },
  // Whether a field holds anything. What it holds is not told.
  async filled({ page: name, ...what }) { return (await control(seen(name), what).inputValue()).length > 0; },
  async focused({ page: name }) {
    return seen(name).page.evaluate(() => document.activeElement?.textContent?.trim() || document.activeElement?.getAttribute('name') || '');
  },
  async wait({ page: name, text }) { await seen(name).page.getByText(text).filter({ visible: true }).first().waitFor(); },
  async texts({ page: name, selector }) { return seen(name).page.locator(selector).allInnerTexts(); },
  async value({ page: name, selector }) { return seen(name).page.locator(selector).inputValue(); },
  async links({ page: name, selector }) {
    return seen(name).page.locator(selector).evaluateAll((all) => all.map((link) => link.getAttribute('href')));
  },
  async count({ page: name, selector }) { return seen(name).page.locator(selector).filter({ visible: true }).count(); },
  async timing({ page: name }) {
    return seen(name).page.evaluate(() => {
      const { responseStart, responseEnd, requestStart, domContentLoadedEventEnd } = performance.getEntriesByType('navigation')[0];
      return { answered: responseStart - requestStart, received: responseEnd - requestStart, shown: domContentLoadedEventEnd - requestStart };
    });
  },
  async inspect({ page: name }) { return inspect(seen(name)); },
  async picture({ page: name, file }) { await seen(name).page.screenshot({ path: file, fullPage: true, animations: 'disabled' }); },
};

// What was typed may be in Playwright's own messages; it is not repeated.
function told(error, { text, token }) {
  const message = String(error?.message ?? error).replaceAll(/\u001b\[\d+m/g, '');
  const typed = text || token;
  return typed ? message.replaceAll(typed, '[typed]').split('\n')[0] : message;
}

(async () => {
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: verb, ...command } = JSON.parse(line);
    const answer = await verbs[verb](command).then((ok) => ({ ok: ok ?? null }), (error) => ({ error: told(error, command) }));
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  await browser?.close();
})();
