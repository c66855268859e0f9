import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { mutilate } from "../config/mutilate.ts";
import { createRandom } from "../support/random.ts";
import { startReload } from "./reload-rig.ts";

const file = "orcestator.yaml";
const canary = "sk-or-v1-canary0123456789";
const good = `server: {strict: false}
providers:
  one: {type: openai-compatible, baseUrl: "http://127.0.0.1:9/v1", credentials: [${canary}]}
  two: {type: dummy}
models:
  m: {targets: [{provider: one, model: x}]}
`;

describe("a sound change", () => {
  test("comes into force and is told by its places, without values", () => {
    using rig = startReload({ [file]: good });
    const lines = rig.change(file, good.replace("strict: false", "strict: true").replace(canary, `${canary}-new`));
    expect(lines).toEqual([
      "info: The configuration has changed and is in force: server.strict, providers.one.credentials",
    ]);
    expect(rig.applied).toHaveLength(1);
    expect(rig.applied[0]?.server.strict).toBe(true);
    expect(rig.applied[0]?.providers["one"]?.credentials).toMatchObject([{ key: `${canary}-new` }]);
  });

  test("tells providers and models that come and go as a whole, and no more than twenty places", () => {
    using rig = startReload({ [file]: good });
    const models = Array.from({ length: 30 }, (_, index) => `  n${index}: {targets: [{provider: three, model: x}]}\n`);
    const text = `${good.replace("two: {type: dummy}", "three: {type: dummy, retries: 4}")}${models.join("")}`;
    const [line = ""] = rig.change(file, text);
    expect(line).toContain("providers.three (new), ");
    expect(line).toEndWith(", and 12 more");
  });

  test("of nothing but spaces, comments or the order of keys changes nothing", () => {
    using rig = startReload({ [file]: good });
    expect(rig.change(file, `# A comment\n\n${good}`)).toEqual([]);
    expect(rig.applied).toEqual([]);
  });

  test("may be in .env, and the environment still wins over it", () => {
    using rig = startReload({ [file]: good.replace(canary, '"${KEY}"'), ".env": `KEY=first-${canary}\n` });
    expect(rig.change(".env", `KEY=second-${canary}\nOR_ANONYMOUS=none\n`)).toEqual([
      "info: The configuration has changed and is in force: server.anonymous, providers.one.credentials",
    ]);
    rig.env["OR_ANONYMOUS"] = "all";
    rig.change(".env", `KEY=second-${canary}\nOR_ANONYMOUS=private\n`);
    expect(rig.applied.at(-1)?.server.anonymous).toBe("all");
  });

  test("brings warnings that were not there before, once", () => {
    using rig = startReload({ [file]: good });
    const odd = `${good}  n: {targets: [{provider: two, model: x}], fallbacks: [n]}\n`;
    expect(rig.change(file, odd).filter((line) => line.startsWith("warn"))).toEqual([
      "warn: the model 'n' names itself in fallbacks; a model is tried once for a request, remove it there",
    ]);
    expect(rig.change(file, odd.replace("strict: false", "strict: true")).join()).not.toContain("names itself");
  });

  test("of the file's form is one too: another of the usual names takes its place", () => {
    using rig = startReload({ [file]: good });
    rig.change("orcestator.json", JSON.stringify({ providers: { j: { type: "dummy" } } }));
    expect(rig.applied).toEqual([]);
    expect(rig.change(file, undefined).join()).toContain("is in force: providers.j (new)");
  });
});

function more(server: string): string {
  return good.replace("strict: false", server);
}

describe("what only a start can change", () => {
  test("keeps its value and is named", () => {
    using rig = startReload({ [file]: good, "c.pem": "", "k.pem": "" });
    const lines = rig.change(
      file,
      `${more("host: 127.0.0.1, strict: true, tls: {cert: c.pem, key: k.pem}")}logging: {level: debug}\nstorage: {url: "sqlite://x.db"}\n`,
    );
    expect(lines).toEqual([
      "info: The configuration has changed and is in force: server.strict",
      "warn: Takes effect at the next start of the gateway only: server.host, server.tls.cert, server.tls.key, logging.level, storage.url",
    ]);
    const { server, logging, storage } = rig.applied[0] ?? {};
    expect({ server, logging, storage }).toMatchObject({
      server: { host: "0.0.0.0", strict: true },
      logging: { level: "info" },
    });
    expect(server?.tls).toBeUndefined();
    expect(storage?.url).toBeUndefined();
  });

  test("is named when it changes and not again, and not when it is taken back", () => {
    using rig = startReload({ [file]: good });
    expect(rig.change(file, more("host: a")).join()).toContain("next start of the gateway only: server.host");
    expect(rig.change(file, more("host: a, strict: true"))).toHaveLength(1);
    expect(rig.change(file, more("strict: true"))).toEqual([]);
    expect(rig.applied).toHaveLength(1);
  });
});

describe("a bad change", () => {
  test("leaves the last good configuration in force and says what is wrong and where", () => {
    using rig = startReload({ [file]: good });
    const lines = rig.change(file, good.replace("provider: one", "provider: oen"));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`The changed configuration of ${join(rig.path, file)} is not used`);
    expect(lines[0]).toContain("models.m.targets[0].provider (file orcestator.yaml): there is no provider 'oen'");
    expect(rig.applied).toEqual([]);
    expect(rig.change(file, good)).toEqual(["info: The configuration is sound again; nothing else has changed."]);
    expect(rig.change(file, good.replace("false", "true")).join()).toContain("is in force: server.strict");
  });

  test("may be that the file is gone, although the environment alone would be sound", () => {
    using rig = startReload({ [file]: good });
    rig.env["OR_API_KEY"] = canary;
    rig.reload.attempt();
    const count = rig.applied.length;
    const [line = ""] = rig.change(file, undefined);
    expect(line).toStartWith("error: ");
    expect(line).toContain(`${join(rig.path, file)}: the file is gone`);
    delete rig.env["OR_API_KEY"];
    rig.reload.attempt();
    expect(rig.lines.at(-1)).toContain("the file is gone");
    expect(rig.applied).toHaveLength(count);
  });

  test("may be that what it names cannot be read when it is taken over", () => {
    using rig = startReload({ [file]: good }, (config) => {
      if (config.server.strict) throw new Error("the certificate went away");
    });
    expect(rig.change(file, good.replace("strict: false", "strict: true")).join()).toContain("certificate went away");
    expect(rig.applied).toEqual([]);
    expect(rig.change(file, good.replace("strict: false", "passthrough: false")).join()).toContain(
      "is in force: server.passthrough",
    );
  });

  test("in a file that only .env names makes that file worth watching, and is told once", () => {
    using rig = startReload({ [file]: good, "other.yaml": "server: {prot: 1}" });
    const other = join(rig.path, "other.yaml");
    expect(rig.reload.files()).not.toContain(other);
    expect(rig.change(".env", "OR_CONFIG=other.yaml\n")).toHaveLength(1);
    expect(rig.reload.files()).toContain(other);
    rig.reload.attempt();
    expect(rig.lines).toHaveLength(1);
    rig.reload.attempt();
    expect(rig.lines).toHaveLength(2);
    expect(rig.change("other.yaml", good.replace("false", "true")).join()).toContain("is in force: server.strict");
    expect(rig.reload.files()).toEqual([other, join(rig.path, ".env")]);
  });
});

test("500 broken versions of a file: no one throws, each bad one is told with its place, and the good one stays", () => {
  const random = createRandom(20_260_404);
  using rig = startReload({ [file]: good });
  let bad = 0;
  for (let round = 0; round < 500; round += 1) {
    let text = good;
    for (let wound = 0; wound <= round % 3; wound += 1) text = mutilate(text, random);
    const before = rig.applied.length;
    const lines = rig.change(file, text);
    const [error = ""] = lines.filter((line) => line.startsWith("error: "));
    if (error === "") {
      // It was harmless, or even sound: the next one comes after the good one again.
      rig.change(file, good);
      continue;
    }
    bad += 1;
    expect(lines).toHaveLength(1);
    expect(error).toContain(join(rig.path, file));
    // A place in the file, a setting in it, or the variable that would do without it.
    expect(error).toMatch(/line \d+|\(file orcestator\.yaml\)|file orcestator\.yaml: |OR_API_KEY is not set/);
    expect(error).not.toMatch(/\bat .*\.ts\b|undefined|\[object|Invalid input/);
    expect(error).not.toContain("canary0123456789");
    expect(rig.applied).toHaveLength(before);
    const { providers, models } = rig.reload.loaded().config;
    expect(providers["one"]?.credentials).toMatchObject([{ key: canary }]);
    expect(models["m"]?.targets[0]?.provider).toBe("one");
  }
  expect(bad).toBeGreaterThan(250);
}, 60_000);
