import { GatewayError, invalidRequest } from "../errors.ts";
import { applyEdits } from "../lib/json-edit.ts";
import { scanDocument } from "../lib/json-scan.ts";
import { latin1OfUtf8, utf8OfLatin1 } from "../lib/latin1.ts";
import { parseAnswer } from "../protocols/answer-edit.ts";
import type { ClientView, EncodedRequest, Target as CodecTarget } from "../protocols/canonical/codec.ts";
import { answerOfEvents, eventsOfAnswer } from "../protocols/canonical/collect.ts";
import type { Answer, Conversation, Loss } from "../protocols/canonical/conversation.ts";
import { roughTokens } from "../protocols/canonical/rough-tokens.ts";
import type { StreamDecoder, StreamEncoder, StreamEvent } from "../protocols/canonical/stream.ts";
import { fieldsOf, jsonOf, stringOf, type Fields } from "../protocols/fields.ts";
import { defaultOutputLimit } from "../protocols/parameters/index.ts";
import { type EditedAnswer, type Protocol, type StreamEditor } from "../protocols/protocol.ts";
import { protocols } from "../protocols/registry.ts";
import { isLiteral, memberOf, parseRequest } from "../protocols/request-scan.ts";
import type { Target } from "../routing/target.ts";
import type { Exchange } from "./exchange.ts";
import { laneOf, type Lane } from "../routing/lane.ts";
import { observationOf } from "./observation.ts";
import { keepingResponse } from "./keeping-response.ts";
import { checkKept } from "./key-rules.ts";
import { isStrict, refuseLosses } from "./losses.ts";
import { createReasoningObserver } from "./reasoning-memory.ts";
import { translatedOf, type TranslatedRequest } from "./translated-request.ts";
import { createTranslatedStream, failureOfFinish, restoreTools } from "./translated-stream.ts";

/** How one request reaches one target, and how what comes back becomes the client's answer. */
export interface Passage {
  readonly lane: Lane["kind"];
  /** What is spoken upstream. */
  readonly protocol: Protocol;
  /** The request's body (latin1). */
  readonly body: string;
  /** What of the request could not be carried. */
  readonly losses: readonly Loss[];
  /** No upstream is needed: what its answer would be. */
  readonly immediate?: Answer | undefined;
  createStreamEditor(): StreamEditor;
  /** An answer in one piece (latin1). Throws GatewayError when it is none. */
  editAnswer(text: string): EditedAnswer;
}

const noLosses: readonly Loss[] = [];

/** The response that a request goes on from, as every JSON parser reads it. Clients also send null, which names none. */
function previousIdOf(text: string): string | undefined {
  const member = memberOf(scanDocument(text, Number.MAX_SAFE_INTEGER), "previous_response_id");
  if (member === undefined || text[member.start] !== '"') return undefined;
  return stringOf(jsonOf(utf8OfLatin1(text.slice(member.start, member.end))));
}

/** A conversation that the upstream keeps belongs to the gateway's own credential, as what is below /p/ does. */
function checkConversation({ call, envelope: { text } }: Exchange): void {
  if (call.grant === undefined) return;
  const { members } = scanDocument(text, Number.MAX_SAFE_INTEGER);
  // In any case, and every one: which of them is obeyed is the upstream's choice.
  const names = members.some((member) => /^conversation$/i.test(member.key) && !isLiteral(text, member, "null"));
  if (names) checkKept(call.grant);
}

/** Whether a request may name what only the gateway keeps. */
function namesKept({ envelope: { text } }: Exchange, previousId: string | undefined): boolean {
  return previousId !== undefined || text.includes('"item_reference"');
}

/** What goes upstream in the same lane; with the history that an upstream which keeps no responses cannot know. */
function sameLaneBody(exchange: Exchange, target: Target): string {
  const { call, envelope, editor, translation } = exchange;
  const edits = { model: target.model, injectUsage: editor.hideUsage, origin: target.upstream.name };
  if (call.protocol.id !== "openai-responses") return applyEdits(envelope.text, envelope.edits(edits));
  const previousId = previousIdOf(envelope.text);
  const isKeeper = target.upstream.provider.keepsResponses === true;
  if (isKeeper) checkConversation(exchange);
  if (isKeeper && previousId !== undefined) translation.responses.checkOwner(previousId, call.keyId);
  if (isKeeper || !namesKept(exchange, previousId)) return applyEdits(envelope.text, envelope.edits(edits));
  const body = translation.responses.expanded(parseRequest(envelope.text), call.keyId);
  // What was kept may come from another upstream, so it takes the same edits.
  const whole = call.protocol.peek(latin1OfUtf8(JSON.stringify(body)), { maxDepth: Infinity });
  return applyEdits(whole.text, whole.edits(edits));
}

/** Whether the answer is kept, and with it what was asked: not for a key of whose texts nothing is kept. */
function keepsAnswer({ call, translation }: Exchange, request: Fields): boolean {
  return call.grant?.key.content !== "none" && translation.responses.wants(request);
}

class SameLane implements Passage {
  readonly lane = "same";
  readonly losses = noLosses;
  readonly protocol: Protocol;
  readonly body: string;
  private readonly exchange: Exchange;
  /** The upstream keeps no responses: the gateway does. */
  private readonly keeps: boolean;

  constructor(exchange: Exchange, target: Target) {
    this.protocol = exchange.call.protocol;
    this.exchange = exchange;
    this.keeps = this.protocol.id === "openai-responses" && target.upstream.provider.keepsResponses !== true;
    this.body = sameLaneBody(exchange, target);
  }

  createStreamEditor(): StreamEditor {
    const editor = this.protocol.createStreamEditor(this.exchange.editor);
    return this.keeps ? keepingResponse(editor, (response) => this.keep(response)) : editor;
  }

  editAnswer(text: string): EditedAnswer {
    const edited = this.protocol.editAnswer(text, this.exchange.editor);
    if (this.keeps && edited.failure === undefined) this.keep(fieldsOf(jsonOf(utf8OfLatin1(edited.output))));
    return edited;
  }

  private keep(response: Fields): void {
    const { call, envelope, translation } = this.exchange;
    const request = parseRequest(envelope.text);
    const id = stringOf(response["id"]);
    if (id === undefined || !keepsAnswer(this.exchange, request)) return;
    this.exchange.holds.responseId = id;
    translation.responses.keep({ id, keyId: call.keyId, request, response });
  }
}

function viewOf(exchange: Exchange, { model }: Target, { own, conversation, answerId }: TranslatedRequest): ClientView {
  const { call, envelope, editor } = exchange;
  return {
    model: editor.modelShown ?? model,
    conversation,
    body: own,
    wantsUsage: envelope.wantsUsage,
    startedAt: call.startedAt,
    framing: editor.framing ?? "events",
    estimatedInputTokens: roughTokens(envelope.text.length),
    answerId,
  };
}

function encode(protocol: Protocol, conversation: Conversation, target: CodecTarget): EncodedRequest {
  if ((conversation.count ?? 1) > 1) {
    const message = "More than one answer (`n`) cannot be asked of this model's provider in its protocol; send n: 1.";
    throw invalidRequest(message, conversation.protocol === "gemini-generate" ? "candidateCount" : "n");
  }
  return protocol.codec.request.encode(conversation, target);
}

/** Some protocols always say how long an answer may be: what the configuration says counts before their own default. */
function limited(conversation: Conversation, { parameters }: Target): Conversation {
  if (conversation.maxOutputTokens !== undefined || parameters === undefined) return conversation;
  const limit = defaultOutputLimit(parameters);
  return limit === undefined ? conversation : { ...conversation, maxOutputTokens: limit };
}

/** Characters of an answer that is kept. */
const mostKept = 8 * 1024 * 1024;

/** An answer goes by as events: remembers its reasoning, and the whole of it where responses are kept. */
function createWatcher(exchange: Exchange, request: TranslatedRequest, view: ClientView, encoder: StreamEncoder) {
  const { translation, call } = exchange;
  const observer = createReasoningObserver(translation.memory, call.keyId);
  const keeps = request.answerId !== undefined && keepsAnswer(exchange, request.own);
  const events: StreamEvent[] = [];
  let size = 0;
  return (event: StreamEvent): void => {
    if (event.type === "finish") for (const [name, index] of encoder.references ?? []) observer.reference(name, index);
    observer.see(event);
    if (!keeps) return;
    if (event.type === "part-delta") size += event.text.length;
    // An answer too large to be kept is not held for it either.
    if (size > mostKept) events.length = 0;
    else events.push(event);
    if (event.type !== "finish" || size > mostKept) return;
    const answer = answerOfEvents(events);
    if (answer !== undefined) keep(exchange, request, call.protocol.codec.answer.encode(answer, view));
  };
}

function keep(exchange: Exchange, { own, answerId }: TranslatedRequest, response: unknown): void {
  const { translation, call, holds } = exchange;
  if (answerId === undefined || !keepsAnswer(exchange, own)) return;
  holds.responseId = answerId;
  translation.responses.keep({ id: answerId, keyId: call.keyId, request: own, response: fieldsOf(response) });
}

/** The answer to a request that only wants the model loaded: every model here is. */
const loaded: Answer = {
  id: "",
  model: undefined,
  parts: [],
  finish: { reason: "end", raw: "load" },
  usage: undefined,
  costUsd: undefined,
};

const nothingEncoded: EncodedRequest = { body: {}, losses: [] };

/** A stream of what is known already, whatever bytes come. */
function immediateDecoder(answer: Answer): StreamDecoder {
  return { push: () => [...eventsOfAnswer(answer)], end: () => [], isEnded: () => true, waiting: () => 0 };
}

class TranslateLane implements Passage {
  readonly lane = "translate";
  readonly immediate: Answer | undefined;
  readonly protocol: Protocol;
  readonly losses: readonly Loss[];
  readonly body: string;
  private readonly exchange: Exchange;
  private readonly request: TranslatedRequest;
  private readonly target: CodecTarget;
  private readonly encoded: EncodedRequest;
  private readonly view: ClientView;

  constructor(exchange: Exchange, target: Target, protocol: Protocol) {
    const { upstream, model } = target;
    const { translation, call } = exchange;
    this.protocol = protocol;
    this.exchange = exchange;
    this.request = translatedOf(exchange);
    const traits = translation.traitsOf(target);
    this.target = { model, provider: upstream.config.type, origin: upstream.name, traits };
    const { conversation } = this.request;
    this.immediate = call.protocol.loadsModels === true && conversation.turns.length === 0 ? loaded : undefined;
    this.encoded =
      this.immediate === undefined ? encode(protocol, limited(conversation, target), this.target) : nothingEncoded;
    this.losses = [...conversation.losses, ...this.encoded.losses];
    if (isStrict(call.headers, translation.isStrict)) refuseLosses(this.losses, `${upstream.name} (${protocol.id})`);
    this.body = latin1OfUtf8(JSON.stringify(this.encoded.body));
    this.view = viewOf(exchange, target, this.request);
  }

  createStreamEditor(): StreamEditor {
    const { exchange, view } = this;
    const encoder = exchange.call.protocol.codec.stream.createEncoder(view);
    return createTranslatedStream({
      decoder:
        this.immediate === undefined
          ? this.protocol.codec.stream.createDecoder(this.target)
          : immediateDecoder(this.immediate),
      encoder,
      tools: this.encoded,
      textLimit: exchange.editor.textLimit,
      onEvent: createWatcher(exchange, this.request, view, encoder),
    });
  }

  editAnswer(text: string): EditedAnswer {
    const { exchange, request, view } = this;
    const { call, editor, translation } = exchange;
    const answer =
      this.immediate ?? restoreTools(this.protocol.codec.answer.decode(parseAnswer(text), this.target), this.encoded);
    if (answer.finish.reason === "error") throw failureOfFinish(answer.finish);
    createReasoningObserver(translation.memory, call.keyId).seeAnswer(answer);
    const shown = call.protocol.codec.answer.encode(answer, view);
    keep(exchange, request, shown);
    return {
      output: latin1OfUtf8(JSON.stringify(shown)),
      failure: undefined,
      observation: observationOf(answer, editor.textLimit),
    };
  }
}

/** Throws GatewayError (400) where the request cannot be said in any protocol of the target. */
export function createPassage(exchange: Exchange, target: Target): Passage {
  const { protocol } = exchange.call;
  const { name, config } = target.upstream;
  const lane = laneOf(protocol.id, config.protocols);
  if (lane?.kind === "same") return new SameLane(exchange, target);
  if (lane?.kind === "translate") return new TranslateLane(exchange, target, protocols[lane.protocol]);
  const message = `The provider ${name} speaks ${config.protocols.join(", ")}, which ${protocol.id} cannot be translated to.`;
  throw new GatewayError({ code: "upstream_error", status: 502, message });
}
