// Chromium without a window, spoken to in its own protocol: as much of it as a person at a keyboard needs.
import { fieldsOf, stringOf, type Fields } from "../../../test/support/replay-fields.ts";

export interface Page extends AsyncDisposable {
  open(url: string): Promise<void>;
  /** The value of an expression; promises are awaited, exceptions reject. */
  evaluate(expression: string): Promise<unknown>;
  /** Until an expression is truthy; rejects with `what` after `longestMs`. */
  waitFor(expression: string, options: { what: string; longestMs?: number }): Promise<void>;
  /** Types a text where the focus is. */
  type(text: string): Promise<void>;
  /** `Enter`, `Escape`, `F1`, with `ctrl+`, `shift+`, `alt+` before it. */
  press(chord: string): Promise<void>;
  /** In the middle of the first visible element that satisfies a selector. */
  click(selector: string): Promise<void>;
  screenshot(): Promise<Uint8Array>;
}

const keyCodes: Readonly<Record<string, number>> = {
  Enter: 13,
  Escape: 27,
  Tab: 9,
  F1: 112,
  ArrowDown: 40,
  Backspace: 8,
};
const modifierBits: Readonly<Record<string, number>> = { alt: 1, ctrl: 2, shift: 8 };

interface Waiting {
  resolve(result: Fields): void;
  reject(error: Error): void;
}

function createConnection(socket: WebSocket) {
  const waiting = new Map<unknown, Waiting>();
  let count = 0;
  socket.addEventListener("message", ({ data }) => {
    const { id, result, error } = fieldsOf(JSON.parse(String(data)));
    const asked = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) asked?.resolve(fieldsOf(result));
    else asked?.reject(new Error(JSON.stringify(error)));
  });
  socket.addEventListener("close", () => {
    for (const asked of waiting.values()) asked.reject(new Error("the browser has gone"));
  });
  return function send(method: string, parameters: Fields = {}): Promise<Fields> {
    const { promise, resolve, reject } = Promise.withResolvers<Fields>();
    count += 1;
    waiting.set(count, { resolve, reject });
    socket.send(JSON.stringify({ id: count, method, params: parameters }));
    return promise;
  };
}

type Send = ReturnType<typeof createConnection>;

async function press(send: Send, chord: string): Promise<void> {
  const names = chord.split("+");
  const key = names.pop() ?? "";
  const modifiers = names.reduce((bits, name) => bits | (modifierBits[name] ?? 0), 0);
  const code = keyCodes[key] ?? key.toUpperCase().charCodeAt(0);
  const isLetter = /^[a-z]$/i.test(key);
  const event = {
    key,
    code: isLetter ? `Key${key.toUpperCase()}` : key,
    modifiers,
    windowsVirtualKeyCode: code,
    ...(key === "Enter" ? { text: "\r" } : {}),
  };
  await send("Input.dispatchKeyEvent", { type: key === "Enter" ? "keyDown" : "rawKeyDown", ...event });
  await send("Input.dispatchKeyEvent", { type: "keyUp", ...event });
}

async function evaluate(send: Send, expression: string): Promise<unknown> {
  const { result, exceptionDetails } = await send("Runtime.evaluate", {
    expression,
    awaitPromise: true,
    returnByValue: true,
  });
  if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails).slice(0, 500));
  return fieldsOf(result)["value"];
}

async function click(send: Send, selector: string): Promise<void> {
  const place = fieldsOf(
    await evaluate(
      send,
      `(() => { for (const element of document.querySelectorAll(${JSON.stringify(selector)})) {
        const box = element.getBoundingClientRect();
        if (box.width > 0 && box.height > 0) return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
      } })()`,
    ),
  );
  if (typeof place["x"] !== "number") throw new Error(`nothing visible is ${selector}`);
  const at = { ...place, button: "left", clickCount: 1 };
  await send("Input.dispatchMouseEvent", { ...at, type: "mouseMoved" });
  await send("Input.dispatchMouseEvent", { ...at, type: "mousePressed" });
  await send("Input.dispatchMouseEvent", { ...at, type: "mouseReleased" });
}

async function firstTarget(port: number): Promise<string> {
  const deadline = performance.now() + 20_000;
  while (performance.now() < deadline) {
    const targets: unknown = await fetch(`http://127.0.0.1:${port}/json`)
      .then((response) => response.json())
      .catch(() => undefined);
    const page = Array.isArray(targets) ? targets.map(fieldsOf).find(({ type }) => type === "page") : undefined;
    if (page !== undefined) return stringOf(page["webSocketDebuggerUrl"]);
    await Bun.sleep(100);
  }
  throw new Error("Chromium did not start");
}

async function connect(port: number): Promise<WebSocket> {
  const socket = new WebSocket(await firstTarget(port));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.addEventListener("open", () => resolve());
  socket.addEventListener("error", () => reject(new Error("no connection to Chromium")));
  await promise;
  return socket;
}

/** Starts a browser of its own, with its profile in `folder`. */
export async function startBrowser(options: { port: number; folder: string; program: string }): Promise<Page> {
  const { port, folder, program } = options;
  const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"];
  const child = Bun.spawn(
    [
      program,
      ...flags,
      `--user-data-dir=${folder}`,
      `--remote-debugging-port=${port}`,
      "--window-size=1280,800",
      "about:blank",
    ],
    { stdio: ["ignore", "ignore", "ignore"], env: { ...process.env, HOME: folder } },
  );
  const socket = await connect(port);
  const send = createConnection(socket);
  await send("Page.enable");
  await send("Emulation.setDeviceMetricsOverride", { width: 1280, height: 800, deviceScaleFactor: 1, mobile: false });
  return {
    async open(url) {
      await send("Page.navigate", { url });
    },
    evaluate: (expression) => evaluate(send, expression),
    async waitFor(expression, { what, longestMs = 30_000 }) {
      const deadline = performance.now() + longestMs;
      while (performance.now() < deadline) {
        if (await evaluate(send, `Boolean(${expression})`).catch(() => false)) return;
        await Bun.sleep(100);
      }
      throw new Error(`waited ${longestMs / 1000} s for ${what}`);
    },
    async type(text) {
      await send("Input.insertText", { text });
    },
    press: (chord) => press(send, chord),
    click: (selector) => click(send, selector),
    async screenshot() {
      const { data } = await send("Page.captureScreenshot", { format: "png" });
      return Buffer.from(stringOf(data), "base64");
    },
    async [Symbol.asyncDispose]() {
      await send("Browser.close").catch(() => undefined);
      socket.close();
      child.kill();
      await child.exited;
    },
  };
}
