import { describe, expect, test } from "bun:test";
import { latin1OfUtf8, utf8OfLatin1 } from "../../../src/lib/latin1.ts";
import { defaultOutputLimit, withParameters, type ParameterRules } from "../../../src/protocols/parameters/index.ts";
import { protocolNames, type ProtocolName } from "../../../src/config/protocol-names.ts";

function rulesOf(some: Partial<ParameterRules>): ParameterRules {
  return { defaults: {}, overrides: {}, remove: [], ...some };
}

function changed(body: string, protocol: ProtocolName, some: Partial<ParameterRules>): string {
  return utf8OfLatin1(withParameters(latin1OfUtf8(body), protocol, rulesOf(some)));
}

/** A body with `json` at a path; without `json` only the objects on the way are there. */
function bodyAt(path: string, json: string | undefined): string {
  const names = path.split(".");
  const last = names.pop() ?? "";
  const inner = json === undefined ? `{"other": 1.0}` : `{"other": 1.0,"${last}" : ${json} }`;
  return names.reduceRight((text, name) => `{"model":"m", "${name}":${text}}`, inner);
}

function valueAt(body: string, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], JSON.parse(body));
}

interface Placed {
  name: string;
  path: string;
  /** The rule's value, and what is written for it. */
  value: unknown;
  written?: unknown;
}

function same(...names: string[]): Placed[] {
  return names.map((name) => ({ name, path: name, value: 0.25 }));
}

function below(parent: string, ...names: string[]): Placed[] {
  return names.map((name) => ({ name, path: `${parent}.${name}`, value: 0.25 }));
}

const chat: Placed[] = [
  ...same("max_tokens", "temperature", "top_p", "top_k", "seed", "response_format", "reasoning_effort", "verbosity"),
  { name: "stop", path: "stop", value: "END" },
  { name: "provider.order", path: "provider.order", value: ["a", "b"] },
  { name: "provider.max_price.prompt", path: "provider.max_price.prompt", value: 1 },
];

const ollama: Placed[] = [
  ...below("options", "temperature", "top_p", "top_k", "min_p", "seed", "presence_penalty", "frequency_penalty"),
  ...below("options", "num_ctx", "num_predict", "repeat_penalty"),
  { name: "max_tokens", path: "options.num_predict", value: 100 },
  { name: "max_completion_tokens", path: "options.num_predict", value: 100 },
  { name: "repetition_penalty", path: "options.repeat_penalty", value: 1.1 },
  { name: "stop", path: "options.stop", value: "END", written: ["END"] },
  { name: "reasoning_effort", path: "think", value: "none", written: false },
  { name: "reasoning_effort", path: "think", value: "xhigh", written: "max" },
  { name: "reasoning_effort", path: "think", value: "minimal", written: "low" },
  { name: "reasoning_effort", path: "think", value: "high" },
  { name: "keep_alive", path: "keep_alive", value: "5m" },
  { name: "options.mirostat", path: "options.mirostat", value: 2 },
];

const placed: Readonly<Record<ProtocolName, readonly Placed[]>> = {
  "openai-chat": [...chat, { name: "max_completion_tokens", path: "max_completion_tokens", value: 5 }],
  "openai-completions": [...chat, { name: "max_completion_tokens", path: "max_tokens", value: 5 }],
  "openai-responses": [
    ...same("temperature", "top_p", "top_logprobs", "service_tier", "store", "metadata", "instructions"),
    { name: "max_tokens", path: "max_output_tokens", value: 100 },
    { name: "max_completion_tokens", path: "max_output_tokens", value: 100 },
    { name: "reasoning_effort", path: "reasoning.effort", value: "low" },
    { name: "verbosity", path: "text.verbosity", value: "high" },
    { name: "reasoning.summary", path: "reasoning.summary", value: "auto" },
  ],
  "anthropic-messages": [
    ...same("temperature", "top_p", "top_k", "service_tier", "thinking"),
    { name: "stop", path: "stop_sequences", value: "END", written: ["END"] },
    { name: "stop", path: "stop_sequences", value: ["A", "B"] },
    { name: "user", path: "metadata.user_id", value: "somebody" },
    { name: "reasoning_effort", path: "output_config.effort", value: "high" },
    { name: "reasoning_effort", path: "output_config.effort", value: "minimal", written: "low" },
    { name: "thinking.budget_tokens", path: "thinking.budget_tokens", value: 2000 },
  ],
  "gemini-generate": [
    { name: "temperature", path: "generationConfig.temperature", value: 0.25 },
    { name: "top_p", path: "generationConfig.topP", value: 0.25 },
    { name: "top_k", path: "generationConfig.topK", value: 4 },
    { name: "max_tokens", path: "generationConfig.maxOutputTokens", value: 4 },
    { name: "max_completion_tokens", path: "generationConfig.maxOutputTokens", value: 4 },
    { name: "stop", path: "generationConfig.stopSequences", value: "END", written: ["END"] },
    { name: "seed", path: "generationConfig.seed", value: 4 },
    { name: "n", path: "generationConfig.candidateCount", value: 4 },
    { name: "presence_penalty", path: "generationConfig.presencePenalty", value: 4 },
    { name: "frequency_penalty", path: "generationConfig.frequencyPenalty", value: 4 },
    { name: "logprobs", path: "generationConfig.responseLogprobs", value: true },
    { name: "top_logprobs", path: "generationConfig.logprobs", value: 4 },
    { name: "generationConfig.topK", path: "generationConfig.topK", value: 4 },
    {
      name: "generationConfig.thinkingConfig.thinkingBudget",
      path: "generationConfig.thinkingConfig.thinkingBudget",
      value: 0,
    },
  ],
  "ollama-chat": ollama,
  "ollama-generate": ollama,
};

describe.each(protocolNames.map((protocol) => [protocol] as const))("%s", (protocol) => {
  describe.each(placed[protocol].map((entry) => [`${entry.name} = ${JSON.stringify(entry.value)}`, entry] as const))(
    "%s",
    (_title, { name, path, value, written = value }) => {
      const names = path.split(".");
      const last = names.at(-1) ?? "";
      const asDefault = { defaults: { [name]: value } };
      const asOverride = { overrides: { [name]: value } };
      const asRemoval = { remove: [name] };
      const json = JSON.stringify(written);

      test("is filled in and set where the client sent none, and removing it changes nothing", () => {
        const body = bodyAt(path, undefined);
        const expected = body.replace(`"other": 1.0`, `"other": 1.0,"${last}":${json}`);
        expect(changed(body, protocol, asDefault)).toBe(expected);
        expect(changed(body, protocol, asOverride)).toBe(expected);
        expect(changed(body, protocol, asRemoval)).toBe(body);
      });

      test("is left alone by a default, replaced by an override and taken out where the client sent it", () => {
        const body = bodyAt(path, `"client's"`);
        expect(changed(body, protocol, asDefault)).toBe(body);
        expect(changed(body, protocol, asOverride)).toBe(bodyAt(path, json));
        expect(changed(body, protocol, asRemoval)).toBe(body.replace(/,"[^"]*" : "client's"/, ""));
      });

      test("counts as not sent where it is null", () => {
        const body = bodyAt(path, "null");
        expect(changed(body, protocol, asDefault)).toBe(bodyAt(path, json));
        expect(changed(body, protocol, asOverride)).toBe(bodyAt(path, json));
        expect(changed(body, protocol, asRemoval)).toBe(body.replace(/,"[^"]*" : null/, ""));
      });

      test("is changed wherever its key stands, and the last one says whether it was sent", () => {
        const escaped = `\\u${last.charCodeAt(0).toString(16).padStart(4, "0")}${last.slice(1)}`;
        const twice = (first: string, second: string) =>
          bodyAt(path, `${first},"other":2,"${escaped}":${second}`).replace(" }", "}");
        expect(changed(twice("1", "2"), protocol, asDefault)).toBe(twice("1", "2"));
        expect(changed(twice("null", "2"), protocol, asDefault)).toBe(twice("null", "2"));
        expect(changed(twice("1", "null"), protocol, asDefault)).toBe(twice(json, json));
        expect(changed(twice("1", "2"), protocol, asOverride)).toBe(twice(json, json));
        const none = bodyAt(path, undefined).replace("1.0", `1.0,"other":2`);
        expect(changed(twice("1", "2"), protocol, asRemoval)).toBe(none);
      });

      if (names.length === 1) return;

      test("makes the objects that it stands in where they are missing or null", () => {
        const made = names.reduceRight<unknown>((inner, key) => ({ [key]: inner }), written);
        const outer = JSON.stringify(made).slice(1, -1);
        const [top = ""] = names;
        for (const body of ["{}", `{"model":"m"}`, `{"${top}":null}`]) {
          const bare = body === `{"${top}":null}` ? "{" : `${body.slice(0, -1)}${body === "{}" ? "" : ","}`;
          expect(changed(body, protocol, asDefault)).toBe(`${bare}${outer}}`);
          expect(changed(body, protocol, asOverride)).toBe(`${bare}${outer}}`);
          expect(changed(body, protocol, asRemoval)).toBe(body);
        }
      });

      test("replaces what is no object on the way only as an override", () => {
        const [top = ""] = names;
        const made = names.slice(1).reduceRight<unknown>((inner, key) => ({ [key]: inner }), written);
        for (const odd of [`"text"`, "[1,2]", "7", "false"]) {
          const body = `{"a":1 ,"${top}": ${odd} }`;
          expect(changed(body, protocol, asDefault)).toBe(body);
          expect(changed(body, protocol, asOverride)).toBe(`{"a":1 ,"${top}": ${JSON.stringify(made)} }`);
          expect(changed(body, protocol, asRemoval)).toBe(body);
        }
      });
    },
  );

  test("is left alone by rules that are empty", () => {
    const body = `{ "temperature" : 1.0 }`;
    expect(changed(body, protocol, {})).toBe(body);
  });

  test("is not told of fields that decide where the request goes, or are what it says", () => {
    const names = ["model", "stream", "messages", "input", "contents", "system", "system.text"];
    const values = Object.fromEntries(names.map((name) => [name, "rule's"]));
    const body = `{"model":"m","stream":true,"messages":[],"input":"i","contents":[],"system":"s"}`;
    for (const some of [{ defaults: values }, { overrides: values }, { remove: names }]) {
      expect(changed(body, protocol, some)).toBe(body);
      expect(changed("{}", protocol, some)).toBe("{}");
    }
  });

  test("comes back as it is where it is no JSON object", () => {
    for (const body of ["", " ", "[]", "5", `{"a":`, `{"a":1,}`, "\u0000"])
      expect(changed(body, protocol, { overrides: { temperature: 1, "a.b": 1 } })).toBe(body);
  });
});

describe("a field that the protocol has not", () => {
  test.each([
    [
      "openai-responses",
      ["response_format", "stop", "n", "seed", "presence_penalty", "logit_bias", "top_k", "logprobs"],
    ],
    ["anthropic-messages", ["response_format", "n", "seed", "presence_penalty", "logit_bias", "verbosity", "logprobs"]],
    ["gemini-generate", ["response_format", "reasoning_effort", "logit_bias", "verbosity", "user", "min_p"]],
    ["ollama-chat", ["response_format", "n", "logit_bias", "verbosity", "user", "metadata"]],
    ["ollama-generate", ["response_format", "n", "logit_bias", "verbosity", "user", "metadata"]],
  ] as const)("%s: is neither added nor taken out", (protocol, names) => {
    const values = Object.fromEntries(names.map((name) => [name, 1]));
    const body = JSON.stringify({ ...values, model: "m" });
    for (const some of [{ defaults: values }, { overrides: values }, { remove: names }]) {
      expect(changed(`{"model":"m"}`, protocol, some)).toBe(`{"model":"m"}`);
      expect(changed(body, protocol, some)).toBe(body);
    }
  });
});

describe("the longest answer of a chat", () => {
  const body = `{"max_completion_tokens":10,"a":1}`;

  test.each(["openai-chat", "openai-completions"] as const)("%s: has two names that mean one field", (protocol) => {
    expect(changed(body, protocol, { defaults: { max_tokens: 5 } })).toBe(body);
    expect(changed(body, protocol, { overrides: { max_tokens: 5 } })).toBe(`{"max_completion_tokens":5,"a":1}`);
    expect(changed(body, protocol, { remove: ["max_tokens"] })).toBe(`{"a":1}`);
    const older = `{"max_tokens":10,"a":1}`;
    expect(changed(older, protocol, { defaults: { max_completion_tokens: 5 } })).toBe(older);
    expect(changed(older, protocol, { overrides: { max_completion_tokens: 5 } })).toBe(`{"max_tokens":5,"a":1}`);
    expect(changed(older, protocol, { remove: ["max_completion_tokens"] })).toBe(`{"a":1}`);
  });

  test("is set once where the client sent both", () => {
    const both = `{"max_tokens":1,"a":1,"max_completion_tokens":2}`;
    expect(changed(both, "openai-chat", { overrides: { max_tokens: 5 } })).toBe(`{"a":1,"max_completion_tokens":5}`);
    expect(changed(both, "openai-chat", { remove: ["max_tokens"] })).toBe(`{"a":1}`);
  });

  test("is under the rule's name where the client's was null, or was taken out before", () => {
    const none = `{"max_tokens":null,"a":1}`;
    expect(changed(none, "openai-chat", { defaults: { max_completion_tokens: 5 } })).toBe(
      `{"a":1,"max_completion_tokens":5}`,
    );
    const renamed = { remove: ["max_tokens"], overrides: { max_completion_tokens: 5 } };
    expect(changed(`{"max_tokens":9}`, "openai-chat", renamed)).toBe(`{"max_completion_tokens":5}`);
  });

  test("has the default of the name that stands last", () => {
    const defaults = { max_tokens: 1, temperature: 0, max_completion_tokens: 2 };
    expect(changed("{}", "openai-chat", { defaults })).toBe(`{"max_completion_tokens":2,"temperature":0}`);
    expect(defaultOutputLimit(rulesOf({ defaults }))).toBe(2);
    expect(defaultOutputLimit(rulesOf({ defaults: { max_tokens: 7, max_completion_tokens: null } }))).toBe(7);
    expect(defaultOutputLimit(rulesOf({ defaults: { max_tokens: "many" } }))).toBeUndefined();
    expect(defaultOutputLimit(rulesOf({ overrides: { max_tokens: 7 } }))).toBeUndefined();
  });
});

describe("the longest answer, which Anthropic wants to be told", () => {
  test.each(["max_tokens", "max_completion_tokens"])("is filled in and set as %s, and not taken out", (name) => {
    const body = `{"max_tokens": 5}`;
    const value = { [name]: 9 };
    expect(changed("{}", "anthropic-messages", { defaults: value })).toBe(`{"max_tokens":9}`);
    expect(changed(body, "anthropic-messages", { defaults: value })).toBe(body);
    expect(changed(body, "anthropic-messages", { overrides: value })).toBe(`{"max_tokens": 9}`);
    expect(changed(body, "anthropic-messages", { remove: [name] })).toBe(body);
  });
});

describe("a default that the client's own words contradict stays out", () => {
  test.each([
    [{ temperature: 0.2 }, `{"thinking":{"type":"enabled","budget_tokens":1024}}`],
    [{ temperature: 0.2 }, `{"top_p":0.5}`],
    [{ top_p: 0.2 }, `{"temperature":0.5}`],
    [{ top_p: 0.2 }, `{"thinking":{"type":"adaptive"}}`],
    [{ top_k: 5 }, `{"thinking":{"type":"adaptive"}}`],
  ])("Anthropic: %j beside %s", (defaults, body) => {
    expect(changed(body, "anthropic-messages", { defaults })).toBe(body);
    const [name = ""] = Object.keys(defaults);
    expect(valueAt(changed(body, "anthropic-messages", { overrides: defaults }), name)).toBeDefined();
  });

  test("and null is no word", () => {
    expect(changed(`{"thinking":null}`, "anthropic-messages", { defaults: { temperature: 1 } })).toBe(
      `{"thinking":null,"temperature":1}`,
    );
  });

  test("OpenRouter's object of reasoning, which an override clears of what says the same", () => {
    const body = `{"reasoning":{"effort":"high","exclude":true}}`;
    expect(changed(body, "openai-chat", { defaults: { reasoning_effort: "low" } })).toBe(body);
    expect(changed(body, "openai-chat", { overrides: { reasoning_effort: "low" } })).toBe(
      `{"reasoning":{"exclude":true},"reasoning_effort":"low"}`,
    );
    expect(changed(body, "openai-chat", { remove: ["reasoning_effort"] })).toBe(`{"reasoning":{"exclude":true}}`);
  });
});

describe("Anthropic is told not to think at all", () => {
  test("in the place where it reads that", () => {
    const none = { reasoning_effort: "none" };
    expect(changed("{}", "anthropic-messages", { defaults: none })).toBe(`{"thinking":{"type":"disabled"}}`);
    const thinks = `{"thinking":{"type":"adaptive"}}`;
    expect(changed(thinks, "anthropic-messages", { defaults: none })).toBe(thinks);
    expect(changed(thinks, "anthropic-messages", { overrides: none })).toBe(`{"thinking":{"type":"disabled"}}`);
  });
});

describe("Google's second spelling", () => {
  test("is the client's field too", () => {
    const body = `{"generation_config":{"max_output_tokens":5}}`;
    expect(changed(body, "gemini-generate", { defaults: { max_tokens: 9 } })).toBe(body);
    expect(changed(body, "gemini-generate", { defaults: { top_k: 9 } })).toBe(
      `{"generation_config":{"max_output_tokens":5,"topK":9}}`,
    );
    expect(changed(body, "gemini-generate", { overrides: { max_tokens: 9 } })).toBe(
      `{"generation_config":{"max_output_tokens":9}}`,
    );
    expect(changed(body, "gemini-generate", { remove: ["max_tokens"] })).toBe(`{"generation_config":{}}`);
    expect(changed(body, "gemini-generate", { remove: ["generationConfig"] })).toBe("{}");
  });

  test("may be the rule's", () => {
    const rules = { overrides: { "generation_config.top_k": 9 } };
    expect(changed(`{"generationConfig":{"topK":1}}`, "gemini-generate", rules)).toBe(
      `{"generationConfig":{"topK":9}}`,
    );
    expect(changed("{}", "gemini-generate", rules)).toBe(`{"generation_config":{"top_k":9}}`);
  });

  test("beside the first is changed with it", () => {
    const body = `{"generationConfig":{"topK":1,"top_k":2},"generation_config":{"topK":3}}`;
    expect(changed(body, "gemini-generate", { overrides: { top_k: 9 } })).toBe(
      `{"generationConfig":{"top_k":9},"generation_config":{"topK":9}}`,
    );
  });
});

describe("several rules", () => {
  test("remove first, then fill in, then override", () => {
    const some = { remove: ["a", "b"], defaults: { a: 1, c: 1, d: 1 }, overrides: { d: 2 } };
    expect(changed(`{"a":0,"b":0,"c":0}`, "openai-chat", some)).toBe(`{"a":1,"c":0,"d":2}`);
  });

  test("take whole objects before what is in them, however they are written down", () => {
    const whole = { "a.b": 1, a: { b: 0, c: 2 } };
    expect(changed("{}", "openai-chat", { defaults: whole })).toBe(`{"a":{"b":0,"c":2}}`);
    expect(changed(`{"a":{"x":1}}`, "openai-chat", { defaults: whole })).toBe(`{"a":{"x":1,"b":1}}`);
    expect(valueAt(changed(`{"a":5}`, "openai-chat", { overrides: whole }), "a")).toEqual({ b: 1, c: 2 });
  });

  test("reach into every object of the same name", () => {
    const body = `{"a":{"b":1},"a":7,"a":{"b":2}}`;
    expect(changed(body, "openai-chat", { overrides: { "a.b": 3 } })).toBe(`{"a":{"b":3},"a":{"b":3},"a":{"b":3}}`);
    expect(changed(body, "openai-chat", { remove: ["a.b"] })).toBe(`{"a":{},"a":7,"a":{}}`);
    expect(changed(body, "openai-chat", { defaults: { "a.c": 3 } })).toBe(`{"a":{"b":1},"a":7,"a":{"b":2,"c":3}}`);
  });

  test("add nothing for a default of null, and null for an override of it", () => {
    expect(changed("{}", "openai-chat", { defaults: { seed: null, "a.b": null } })).toBe("{}");
    expect(changed(`{"seed":1}`, "openai-chat", { overrides: { seed: null } })).toBe(`{"seed":null}`);
  });

  test("may be frozen", () => {
    const rules = Object.freeze(rulesOf({ overrides: Object.freeze({ temperature: 1 }) }));
    expect(withParameters("{}", "openai-chat", rules)).toBe(`{"temperature":1}`);
    expect(withParameters("{}", "gemini-generate", rules)).toBe(`{"generationConfig":{"temperature":1}}`);
  });
});

describe("odd names and values", () => {
  test("are told apart from what every object has", () => {
    for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      expect(changed("{}", "anthropic-messages", { defaults: { [`x.${name}`]: 1 } })).toBe(`{"x":{"${name}":1}}`);
      const rules = rulesOf({ overrides: JSON.parse(`{"${name}":{"a":1}}`) as Record<string, unknown> });
      expect(withParameters(`{"${name}":2}`, "ollama-chat", rules)).toBe(`{"${name}":{"a":1}}`);
    }
    expect({}).not.toHaveProperty("a");
  });

  test("may be of any script, as keys and as values", () => {
    expect(changed("{}", "openai-chat", { defaults: { "ключ.größe": "日本 😀" } })).toBe(
      `{"ключ":{"größe":"日本 😀"}}`,
    );
    expect(
      changed(`{"gr\\u00f6ße":1,"größ\\u0065":2,"gr\\u00c3\\u00b6ße":3}`, "openai-chat", { remove: ["größe"] }),
    ).toBe(`{"gr\\u00c3\\u00b6ße":3}`);
  });

  test("cost no more than a look at each when a client repeats a key endlessly", () => {
    const many = `{${Array.from({ length: 400_000 }, (_, index) => `"${index % 2 === 0 ? "seed" : "x"}":1`).join(",")}}`;
    const from = performance.now();
    const bare = changed(many, "openai-chat", { remove: ["seed"], overrides: { temperature: 1 } });
    expect(performance.now() - from).toBeLessThan(3000);
    expect(bare).not.toContain("seed");
    expect(JSON.parse(bare)).toEqual({ x: 1, temperature: 1 });
  });
});
