/** Small fast generator (mulberry32): the same seed always gives the same bodies. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const originals = [
  `{"model":"orcestator","messages":[{"role":"user","content":"Hi"}]}`,
  `{"model":"orcestator","stream":true,"messages":[{"role":"user","content":"Hi 👋"}],"stream_options":{"include_usage":true}}`,
  `{"messages":[{"role":"user","content":[{"type":"text","text":"a\\"b\\\\c\\u00e9"}]}],"model":"orcestator","temperature":0.5,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{"type":"string"}}}}}]}`,
  `{ "model" : "vendor/x" , "messages" : [ ] , "n" : 1e2 , "x" : null , "y" : [true,false] }`,
];

const fragments = [
  `"`,
  `\\`,
  `{`,
  `}`,
  `[`,
  `]`,
  `,`,
  `:`,
  `null`,
  `true`,
  `-`,
  `1e999`,
  `1e`,
  `0x1`,
  `NaN`,
  `\\u`,
  `\\ud800`,
  `\\u0000`,
  `\u0000`,
  `\u2028`,
  `"model":`,
  `"model":null,`,
  `"model":{},`,
  `"model":["a"],`,
  `"model":1,`,
  `"messages":null,`,
  `"messages":{},`,
  `"stream":"yes",`,
  `"stream":1,`,
  `"stream":true,`,
  `"stream_options":null,`,
  `"stream_options":[],`,
  `"stream_options":"x",`,
  `"__proto__":{"a":1},`,
  `"constructor":{"prototype":{"b":1}},`,
  `"":0,`,
  `"tools":{},`,
  `"tools":[null],`,
  `"tool_choice":7,`,
  `"usage":{"include":"x"},`,
  `//`,
  `/**/`,
  `'`,
  `﻿`,
  `\r\n`,
  `[[[[[[[[`,
  `{"a":{"a":{"a":`,
]; // oxfmt keeps one line each otherwise, which nobody would read

type Mutation = (bytes: Buffer, random: (below: number) => number) => Buffer;

const steps: readonly Mutation[] = [
  (bytes, random) => bytes.subarray(0, random(bytes.length + 1)),
  (bytes, random) => bytes.subarray(random(bytes.length + 1)),
  (bytes, random) => {
    const copy = Buffer.from(bytes);
    if (copy.length > 0) copy[random(copy.length)] = random(256);
    return copy;
  },
  (bytes, random) => {
    const position = random(bytes.length + 1);
    const fragment = Buffer.from(fragments[random(fragments.length)] ?? "");
    return Buffer.concat([bytes.subarray(0, position), fragment, bytes.subarray(position)]);
  },
  (bytes, random) => {
    const start = random(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + 1 + random(12))]);
  },
  (bytes, random) => {
    const start = random(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start, start + random(40)), bytes.subarray(start)]);
  },
  (bytes) => {
    const position = bytes.indexOf("{") + 1;
    return Buffer.concat([
      bytes.subarray(0, position),
      Buffer.from(`"deep":${"[".repeat(300)}${"]".repeat(300)},`),
      bytes.subarray(position),
    ]);
  },
  (_bytes, random) => Buffer.from(Array.from({ length: random(60) }, () => random(256))),
];

/** Chat bodies with one to three wounds each: cut, flipped, nested, of wrong types, or just noise. */
export function mutations(count: number, seed: number): Uint8Array[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => {
    let bytes: Buffer = Buffer.from(originals[random(originals.length)] ?? "");
    const wounds = 1 + random(3);
    for (let wound = 0; wound < wounds; wound += 1) bytes = steps[random(steps.length)]?.(bytes, random) ?? bytes;
    return new Uint8Array(bytes);
  });
}
