import type { Page } from "./browser.ts";

/** Copilot Chat as a person sees it, in Agent mode. */
export interface ChatView {
  /** Sends a prompt and waits until `expected` stands in the answer. */
  ask(prompt: string, expected: string): Promise<void>;
  /** All that stands in the view. */
  text(): Promise<string>;
}

const session = ".interactive-session";
const input = ".interactive-input-part .monaco-editor";
/** They lie over the input. */
const hideNotifications = `document.head.appendChild(document.createElement("style")).textContent =
  ".notifications-toasts { display: none !important }"`;
const longestAnswerMs = 60_000;

/** Confirmations of tools; there is none for files in the work folder. */
const allow = `(() => {
  const buttons = [...document.querySelectorAll(${JSON.stringify(`${session} .monaco-button`)})];
  const found = buttons.find((button) => /^Allow/.test(button.innerText));
  found?.click();
})()`;

function contains(text: string): string {
  return `(${allow}, document.querySelector(${JSON.stringify(session)}).innerText.includes(${JSON.stringify(text)}))`;
}

/** The extension sleeps until somebody asks for its models. While the workbench is still starting the command is unknown. */
async function manageModels(page: Page): Promise<void> {
  const command = "Chat: Manage Language Models";
  const row = `document.querySelector(".quick-input-list .monaco-list-row.focused")?.innerText ?? ""`;
  for (let attempt = 0; attempt < 10; attempt += 1) {
    await page.press("F1");
    await page.waitFor(`document.querySelector(".quick-input-widget input:focus")`, { what: "the command palette" });
    await page.type(command);
    const isFound = await page
      .waitFor(`(${row}).includes(${JSON.stringify(command)})`, { what: command, longestMs: 3000 })
      .then(() => true)
      .catch(() => false);
    await page.press(isFound ? "Enter" : "Escape");
    if (isFound) return;
  }
  throw new Error(`there is no command '${command}'`);
}

/** The view is rebuilt when an answer ends, which can take the focus away. */
async function enter(page: Page, prompt: string): Promise<void> {
  const isTyped = `document.querySelector(${JSON.stringify(input)}).innerText.trim() !== ""`;
  for (let attempt = 0; attempt < 5; attempt += 1) {
    await page.click(input);
    await page.type(prompt);
    const isThere = await page
      .waitFor(isTyped, { what: "the prompt", longestMs: 2000 })
      .then(() => true)
      .catch(() => false);
    if (isThere) return;
  }
  throw new Error("nothing can be typed into the chat");
}

/** Opens the workbench and waits until `model` is chosen, which it is by itself when it is the only one. */
export async function openChat(page: Page, options: { url: string; model: string }): Promise<ChatView> {
  await page.open(options.url);
  await page.waitFor(`document.querySelector(${JSON.stringify(input)})`, { what: "the chat view", longestMs: 60_000 });
  await page.evaluate(hideNotifications);
  await manageModels(page);
  await page.waitFor(`document.body.innerText.includes(${JSON.stringify(options.model)})`, {
    what: `the model ${options.model}`,
    longestMs: 60_000,
  });
  const picker = `document.querySelector(${JSON.stringify(session)}).innerText`;
  await page.waitFor(`!/^(?:Auto|Models)$/m.test(${picker})`, { what: "the choice of the model" });
  await page.press("Escape");
  await page.waitFor(`!document.querySelector(".monaco-modal-editor-block, .monaco-workbench .modal-editor-part")`, {
    what: "the closing of the dialog",
  });
  return {
    async ask(prompt, expected) {
      await enter(page, prompt);
      await page.press("Enter");
      await page.waitFor(contains(expected), { what: `'${expected}' in the chat`, longestMs: longestAnswerMs });
    },
    text: async () => String(await page.evaluate(`document.querySelector(${JSON.stringify(session)}).innerText`)),
  };
}
