import { expect, test } from "bun:test";
import { environmentVariables } from "../../src/config/env.ts";
import { readDocument, repository } from "./documents.ts";

interface Row {
  name: string;
  fallback: string;
}

/** Rows of the tables whose first cell is a variable's name. */
function rowsIn(document: string): Row[] {
  return [...readDocument(document).matchAll(/^\| `([A-Z][A-Z0-9_]+)` \| ([^|]*) \|/gm)].map(
    ([, name = "", fallback = ""]) => ({ name, fallback }),
  );
}

test("the tables made from the code are current", async () => {
  const child = Bun.spawn([process.execPath, "scripts/docs.ts", "--check"], {
    cwd: repository,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  expect(`${stdout}${stderr}`).toBe("The documents' tables are current.\n");
  expect(await child.exited).toBe(0);
});

test.each(["README.md", "README.ru.md"])("%s lists every environment variable with its default", (document) => {
  const rows = rowsIn(document);
  expect(rows.map(({ name }) => name)).toEqual(environmentVariables.map(({ name }) => name));
  for (const [index, { name, fallback }] of environmentVariables.entries()) {
    // Defaults in prose are translated.
    if (/\s/.test(fallback)) continue;
    expect(rows[index]).toEqual({ name, fallback: fallback === "" ? "–" : `\`${fallback}\`` });
  }
});
