import { describe, expect, test } from "bun:test";
import {
  embeddingDialects,
  type EmbeddingAnswer,
  type EmbeddingDialect,
  type EmbeddingRequest,
} from "../../../src/protocols/embeddings/embedding.ts";
import { embeddingCodecs } from "../../../src/protocols/embeddings/index.ts";
import { forSeeds } from "../../lib/seeded.ts";
import { thrownBy } from "../../support/thrown-by.ts";

const { "openai-embeddings": openai, "gemini-embed": gemini, "ollama-embed": ollama } = embeddingCodecs;

function request(changes: Partial<EmbeddingRequest> = {}): EmbeddingRequest {
  return {
    dialect: "openai-embeddings",
    model: "m",
    inputs: ["a", "b"],
    form: "list",
    encoding: "float",
    extra: {},
    ...changes,
  };
}

function usage(input: number): EmbeddingAnswer["usage"] {
  return { input, cacheRead: undefined, cacheWrite: undefined, output: undefined, reasoning: undefined };
}

/** Little-endian floats, written by hand. */
const base64 = Buffer.from([0, 0, 128, 63, 0, 0, 0, 192, 0, 0, 0, 63]).toString("base64");
const vector = [1, -2, 0.5];

describe("a request in OpenAI's dialect", () => {
  test("has one text, several, or token numbers", () => {
    const inputs: [unknown, unknown][] = [
      ["Grüße 世界", ["Grüße 世界"]],
      ["", [""]],
      [
        ["a", "b"],
        ["a", "b"],
      ],
      [[1, 2, 3], [[1, 2, 3]]],
      [
        [[1], [2, 3]],
        [[1], [2, 3]],
      ],
    ];
    for (const [input, expected] of inputs)
      expect(openai.request.decode({ model: "m", input }).inputs).toEqual(expected as never);
  });

  test("keeps everything else that means something", () => {
    const body = {
      model: "m",
      input: "a",
      dimensions: 256,
      encoding_format: "base64",
      user: "u",
      input_type: "query",
      metadata: {},
    };
    expect(openai.request.decode(body)).toEqual(
      request({ inputs: ["a"], dimensions: 256, encoding: "base64", user: "u", extra: { input_type: "query" } }),
    );
  });

  test("with anything else is refused by name", () => {
    const bodies: [Record<string, unknown>, string][] = [
      [{}, "input"],
      [{ input: [] }, "input"],
      [{ input: ["a", 1] }, "input"],
      [{ input: [[]] }, "input"],
      [{ input: [[1], "a"] }, "input"],
      [{ input: [-1] }, "input"],
      [{ input: [1.5] }, "input"],
      [{ input: {} }, "input"],
      [{ input: "a", dimensions: 0 }, "dimensions"],
      [{ input: "a", dimensions: "256" }, "dimensions"],
      [{ input: "a", encoding_format: "int8" }, "encoding_format"],
      [{ input: "a", user: 5 }, "user"],
    ];
    for (const [body, param] of bodies)
      expect(thrownBy(() => openai.request.decode(body))).toMatchObject({ status: 400, param });
  });

  test("goes out with texts or tokens and never asks for base64", () => {
    const wanted = request({
      inputs: [[1], [2]],
      dimensions: 8,
      encoding: "base64",
      user: "u",
      extra: { input_type: "query" },
    });
    expect(openai.request.encode(wanted, { model: "up" })).toEqual({
      body: { input_type: "query", model: "up", input: [[1], [2]], dimensions: 8, user: "u" },
      losses: [],
    });
  });

  test("loses what only other dialects have", () => {
    const wanted = request({ dialect: "gemini-embed", taskType: "CLUSTERING", extra: { title: "t" } });
    expect(openai.request.encode(wanted, { model: "up" }).losses.map(({ field }) => field)).toEqual([
      "title",
      "taskType",
    ]);
  });
});

describe("an answer in OpenAI's dialect", () => {
  const data = [
    { object: "embedding", index: 1, embedding: base64 },
    { object: "embedding", index: 0, embedding: [0.25, 0.5, 1] },
  ];

  test("is read in the order of its indexes, from numbers and from base64", () => {
    const answer = { object: "list", data, model: "served", usage: { prompt_tokens: 5, total_tokens: 5 } };
    expect(openai.answer.decode(answer, request())).toEqual({
      vectors: [[0.25, 0.5, 1], vector],
      model: "served",
      usage: usage(5),
    });
  });

  test("without proper indexes is read as it came", () => {
    for (const index of [undefined, 0, "1", -1, 7]) {
      const odd = data.map((entry) => ({ ...entry, index }));
      expect(openai.answer.decode({ data: odd }, request()).vectors).toEqual([vector, [0.25, 0.5, 1]]);
    }
  });

  test("is written as numbers or as little-endian 32-bit floats", () => {
    const answer: EmbeddingAnswer = { vectors: [vector], model: "served", usage: usage(5) };
    const shown = openai.answer.encode(answer, { model: "shown", request: request() });
    expect(shown).toEqual({
      object: "list",
      data: [{ object: "embedding", index: 0, embedding: vector }],
      model: "shown",
      usage: { prompt_tokens: 5, total_tokens: 5 },
    });
    const packed = openai.answer.encode(answer, { model: "shown", request: request({ encoding: "base64" }) });
    expect(packed["data"]).toEqual([{ object: "embedding", index: 0, embedding: base64 }]);
  });

  test("always has usage, since clients rely on it", () => {
    const shown = openai.answer.encode(
      { vectors: [], model: undefined, usage: undefined },
      { model: "m", request: request() },
    );
    expect(shown["usage"]).toEqual({ prompt_tokens: 0, total_tokens: 0 });
  });

  test("means the same again after it was written and read, as base64 too", () => {
    forSeeds(200, (random) => {
      const numbers = Array.from({ length: 1 + random.below(20) }, () => Math.fround((random.below(2e6) - 1e6) / 977));
      const answer: EmbeddingAnswer = { vectors: [numbers], model: "m", usage: usage(random.below(100)) };
      for (const encoding of ["float", "base64"] as const) {
        const asked = request({ inputs: ["x"], encoding });
        const shown = JSON.parse(
          JSON.stringify(openai.answer.encode(answer, { model: "m", request: asked })),
        ) as unknown;
        expect(openai.answer.decode(shown, asked)).toEqual(answer);
      }
    });
  });
});

describe("a request in Gemini's dialect", () => {
  const content = { parts: [{ text: "Grüße" }] };

  test("is one text", () => {
    const body = {
      model: "models/text-embedding",
      content,
      outputDimensionality: 128,
      taskType: "RETRIEVAL_QUERY",
      title: "t",
    };
    expect(gemini.request.decode(body, { model: "alias" })).toEqual(
      request({
        dialect: "gemini-embed",
        model: "alias",
        inputs: ["Grüße"],
        form: "single",
        dimensions: 128,
        taskType: "RETRIEVAL_QUERY",
        extra: { title: "t" },
      }),
    );
    expect(gemini.request.decode(body).model).toBe("text-embedding");
  });

  test("is a batch, written in either way", () => {
    const requests = [
      { content: { parts: [{ text: "a" }, { text: "b" }] }, output_dimensionality: 8, task_type: "CLUSTERING" },
      { content: "c", embed_content_config: { outputDimensionality: 8, task_type: "CLUSTERING" } },
      {
        content: { role: "user", parts: { text: "d" } },
        embedContentConfig: { output_dimensionality: 8, taskType: "CLUSTERING" },
      },
    ];
    expect(gemini.request.decode({ requests })).toEqual(
      request({
        dialect: "gemini-embed",
        model: undefined,
        inputs: ["a\nb", "c", "d"],
        dimensions: 8,
        taskType: "CLUSTERING",
      }),
    );
  });

  test("without a purpose has none", () => {
    for (const taskType of ["", "TASK_TYPE_UNSPECIFIED", null])
      expect(gemini.request.decode({ content, taskType }).taskType).toBeUndefined();
  });

  test("with anything else is refused by name", () => {
    const bodies: [Record<string, unknown>, string][] = [
      [{}, "content"],
      [{ content: { parts: [] } }, "content"],
      [{ content: { parts: [{ inlineData: {} }] } }, "content.parts[0]"],
      [{ requests: [] }, "requests"],
      [{ requests: {} }, "requests"],
      [{ requests: [null] }, "requests[0].content"],
      [{ content, outputDimensionality: -1 }, "outputDimensionality"],
      [{ content, taskType: 5 }, "taskType"],
      [
        {
          requests: [
            { content, taskType: "A" },
            { content, taskType: "B" },
          ],
        },
        "requests[1].taskType",
      ],
      [{ requests: [{ content }, { content, outputDimensionality: 5 }] }, "requests[1].outputDimensionality"],
    ];
    for (const [body, param] of bodies)
      expect(thrownBy(() => gemini.request.decode(body))).toMatchObject({ status: 400, param });
  });

  test("goes out as a batch, also with one text", () => {
    const wanted = request({
      dialect: "gemini-embed",
      inputs: ["a"],
      form: "single",
      dimensions: 8,
      taskType: "CLUSTERING",
      extra: { autoTruncate: true },
    });
    expect(gemini.request.encode(wanted, { model: "gemini-embedding-001" })).toEqual({
      body: {
        requests: [
          {
            autoTruncate: true,
            model: "models/gemini-embedding-001",
            content: { parts: [{ text: "a" }] },
            outputDimensionality: 8,
            taskType: "CLUSTERING",
          },
        ],
      },
      losses: [],
    });
    const tuned = gemini.request.encode(request(), { model: "tunedModels/x" }).body["requests"];
    expect(tuned).toMatchObject([{ model: "tunedModels/x" }, { model: "tunedModels/x" }]);
  });

  test("loses what is said of single texts", () => {
    const decoded = gemini.request.decode({
      requests: [
        { content, title: "t", autoTruncate: true },
        { content, title: "u", autoTruncate: true },
      ],
    });
    expect(decoded.extra).toEqual({ "requests[].title": "t", autoTruncate: true });
    const { body, losses } = gemini.request.encode(decoded, { model: "m" });
    expect(losses.map(({ field }) => field)).toEqual(["requests[].title"]);
    expect(body["requests"]).toMatchObject([{ autoTruncate: true }, { autoTruncate: true }]);
  });
});

test("an answer in Gemini's dialect is one vector or a list", () => {
  const single = { embedding: { values: vector } };
  const batch = { embeddings: [{ values: vector }, { values: [0] }], usageMetadata: { promptTokenCount: 4 } };
  expect(gemini.answer.decode(single, { inputs: ["a"] })).toEqual({
    vectors: [vector],
    model: undefined,
    usage: undefined,
  });
  expect(gemini.answer.decode(batch, { inputs: ["a", "b"] })).toEqual({
    vectors: [vector, [0]],
    model: undefined,
    usage: usage(4),
  });
  const answer: EmbeddingAnswer = { vectors: [vector], model: "m", usage: undefined };
  expect(gemini.answer.encode(answer, { model: "m", request: request({ form: "single" }) })).toEqual(single);
  expect(gemini.answer.encode({ ...answer, usage: usage(4) }, { model: "m", request: request() })).toEqual({
    embeddings: [{ values: vector }],
    usageMetadata: { promptTokenCount: 4, totalTokenCount: 4 },
  });
});

describe("a request in Ollama's dialect", () => {
  test("has one text or several, or a prompt as it was before", () => {
    const base = request({ dialect: "ollama-embed", inputs: ["a"] });
    expect(
      ollama.request.decode({ model: "m", input: "a", keep_alive: "5m", options: { num_ctx: 1 }, truncate: true }),
    ).toEqual(base);
    expect(ollama.request.decode({ model: "m", input: ["a"], dimensions: 8, truncate: false })).toEqual({
      ...base,
      dimensions: 8,
      extra: { truncate: false },
    });
    expect(ollama.request.decode({ model: "m", prompt: "a" })).toEqual({ ...base, form: "single" });
  });

  test("with anything else is refused by name", () => {
    const bodies: [Record<string, unknown>, string][] = [
      [{}, "input"],
      [{ input: [] }, "input"],
      [{ input: [1, 2] }, "input"],
      [{ input: null }, "input"],
      [{ prompt: ["a"] }, "prompt"],
      [{ input: "a", dimensions: 1.5 }, "dimensions"],
    ];
    for (const [body, param] of bodies)
      expect(thrownBy(() => ollama.request.decode(body))).toMatchObject({ status: 400, param });
  });

  test("goes out with all texts", () => {
    expect(ollama.request.encode(request({ dimensions: 8, user: "u" }), { model: "up" })).toEqual({
      body: { model: "up", input: ["a", "b"], dimensions: 8 },
      losses: [],
    });
    const lossy = request({ taskType: "X", extra: { input_type: "q" } });
    expect(ollama.request.encode(lossy, { model: "up" }).losses.map(({ field }) => field)).toEqual([
      "input_type",
      "taskType",
    ]);
  });
});

test("an answer in Ollama's dialect is a list, or one vector as it was before", () => {
  const list = { model: "shown", embeddings: [vector, [0]], prompt_eval_count: 4 };
  const read = ollama.answer.decode(list, { inputs: ["a", "b"] });
  expect(read).toEqual({ vectors: [vector, [0]], model: "shown", usage: usage(4) });
  expect(ollama.answer.encode(read, { model: "shown", request: request() })).toEqual(list);
  expect(ollama.answer.decode({ embedding: vector }, { inputs: ["a"] }).vectors).toEqual([vector]);
  expect(ollama.answer.encode(read, { model: "shown", request: request({ form: "single" }) })).toEqual({
    embedding: vector,
  });
});

test("token numbers go to OpenAI's dialect alone", () => {
  for (const codec of [gemini, ollama]) {
    const error = thrownBy(() => codec.request.encode(request({ inputs: [[1, 2]] }), { model: "m" }));
    expect(error).toMatchObject({ status: 400, param: "input" });
  }
});

/** An answer of a dialect around what stands for its vectors. */
const answerAround: Readonly<Record<EmbeddingDialect, (vectors: readonly unknown[]) => unknown>> = {
  "openai-embeddings": (vectors) => ({ data: vectors.map((embedding, index) => ({ index, embedding })) }),
  "gemini-embed": (vectors) => ({ embeddings: vectors.map((values) => ({ values })) }),
  "ollama-embed": (vectors) => ({ embeddings: vectors }),
};

for (const dialect of embeddingDialects)
  describe(`an upstream's answer in ${dialect}`, () => {
    const { answer: codec } = embeddingCodecs[dialect];
    const asked = request({ inputs: ["a"] });

    test("that is none is the upstream's fault", () => {
      const around = answerAround[dialect];
      const odd = [
        null,
        "x",
        5,
        [],
        {},
        { data: {} },
        { data: [null] },
        { embeddings: {} },
        { embeddings: [null] },
        { embedding: 5 },
      ];
      const vectors = [null, "", "abc", [], [null], ["1"], [{}], {}, Buffer.from([0, 0, 192, 127]).toString("base64")];
      for (const value of [...odd, ...vectors.map((entry) => around([entry])), around([]), around([vector, vector])])
        expect(thrownBy(() => codec.decode(value, asked))).toMatchObject({
          status: 502,
          code: "upstream_invalid_response",
        });
    });

    test("that is an error is that error", () => {
      expect(thrownBy(() => codec.decode({ error: "no such model" }, asked))).toMatchObject({
        status: 502,
        message: "no such model",
      });
      expect(thrownBy(() => codec.decode({ error: { code: 429, message: "slow" } }, asked))).toMatchObject({
        status: 429,
      });
    });

    test("goes to clients of all dialects", () => {
      const answer = codec.decode(answerAround[dialect]([vector]), asked);
      for (const other of embeddingDialects) {
        const theirs = request({ dialect: other, inputs: ["a"] });
        const shown = JSON.parse(
          JSON.stringify(embeddingCodecs[other].answer.encode(answer, { model: "m", request: theirs })),
        ) as unknown;
        expect(embeddingCodecs[other].answer.decode(shown, theirs).vectors).toEqual([vector]);
      }
    });
  });

test("a request of any dialect is the same again after it went to its own", () => {
  const bodies: Record<EmbeddingDialect, Record<string, unknown>> = {
    "openai-embeddings": { model: "m", input: ["a", "b"], dimensions: 8, user: "u", input_type: "q" },
    "gemini-embed": {
      requests: [
        { model: "models/m", content: { parts: [{ text: "a" }] }, outputDimensionality: 8, taskType: "X", title: "t" },
      ],
    },
    "ollama-embed": { model: "m", input: ["a", "b"], dimensions: 8, truncate: false },
  };
  for (const dialect of embeddingDialects) {
    const { request: codec } = embeddingCodecs[dialect];
    expect(codec.encode(codec.decode(bodies[dialect]), { model: "m" })).toEqual({ body: bodies[dialect], losses: [] });
  }
});

test("any value anywhere is read or refused with 400, and inherited keys do no harm", () => {
  const values = [
    null,
    true,
    0,
    -1,
    1.5,
    1e308,
    "",
    "x",
    [],
    [null],
    {},
    [[]],
    [{}],
    JSON.parse('{"__proto__":{"a":1},"constructor":1}'),
  ];
  const fields = [
    "model",
    "input",
    "prompt",
    "dimensions",
    "encoding_format",
    "user",
    "content",
    "requests",
    "taskType",
    "outputDimensionality",
    "embedContentConfig",
    "__proto__",
    "constructor",
    "truncate",
  ];
  for (const dialect of embeddingDialects)
    for (const field of fields)
      for (const value of values) {
        const body = {
          input: "a",
          content: { parts: [{ text: "a" }] },
          ...(JSON.parse(JSON.stringify({ [field]: value })) as object),
        };
        try {
          const decoded = embeddingCodecs[dialect].request.decode(body);
          for (const other of embeddingDialects) embeddingCodecs[other].request.encode(decoded, { model: "m" });
        } catch (error) {
          expect(error).toMatchObject({ name: "GatewayError", status: 400 });
        }
      }
  expect(({} as Record<string, unknown>)["a"]).toBeUndefined();
});
