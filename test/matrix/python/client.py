"""Python's openai against a gateway: one JSON line for each feature, {feature, result, note}."""

import json
import sys

import openai
from openai import OpenAI

BASE_URL, UPSTREAM = sys.argv[1:3]
PROMPT = "Wie geht's, 世界? 🌍"
GREETING = "Grüße aus Zürich, 世界 👋🏽: "
INPUTS = {
    "get_weather": {"city": "Zürich", "units": ["°C", "%"], "days": 2},
    "get_time": {"zone": "Europe/Zurich", "offset": {"hours": 1, "dst": False}},
}
RESULTS = {"get_weather": "sunny, 21 °C ☀️", "get_time": "12:00 «noon»"}
QUOTED = "; ".join(f"{name} says {text}" for name, text in RESULTS.items()) + "."
MESSAGES = [{"role": "user", "content": PROMPT}]
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
    for name in INPUTS
]

client = OpenAI(base_url=BASE_URL, api_key="none", max_retries=0)


def model(scenario: str) -> str:
    return f"{UPSTREAM}-{scenario}"


def equal(found, expected, what: str) -> None:
    if found != expected:
        raise AssertionError(f"{what}: {found!r} instead of {expected!r}")


def plain() -> None:
    answer = client.chat.completions.create(model=model("plain"), messages=MESSAGES)
    equal(answer.choices[0].message.content, GREETING + PROMPT, "text")
    equal(answer.choices[0].finish_reason, "stop", "finish reason")
    equal((answer.usage.prompt_tokens, answer.usage.completion_tokens), (29, 13), "usage")


def stream() -> None:
    for suffix in ("", "--whole", "--bytes", "--split-1"):
        chunks = client.chat.completions.create(
            model=model("plain" + suffix), messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
        text, finish, usage = "", None, None
        for chunk in chunks:
            usage = chunk.usage or usage
            for choice in chunk.choices:
                text += choice.delta.content or ""
                finish = choice.finish_reason or finish
        equal(text, GREETING + PROMPT, "text" + suffix)
        equal(finish, "stop", "finish reason")
        equal((usage.prompt_tokens, usage.completion_tokens), (29, 13), "usage")


def message_of(messages: list, is_stream: bool):
    request = {"model": model("tools"), "messages": messages, "tools": TOOLS}
    if not is_stream:
        return client.chat.completions.create(**request).choices[0].message
    with client.chat.completions.stream(**request) as events:
        for _ in events:
            pass
        return events.get_final_completion().choices[0].message


def sendable(message) -> dict:
    """Without what the SDK's stream adds and OpenAI refuses: parsed, parsed_arguments, index."""
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.function.name, "arguments": call.function.arguments}}
        for call in message.tool_calls
    ]
    return {"role": "assistant", "content": message.content, "tool_calls": calls}


def tools() -> None:
    for is_stream in (False, True):
        messages = list(MESSAGES)
        message = message_of(messages, is_stream)
        calls = {call.function.name: json.loads(call.function.arguments) for call in message.tool_calls or []}
        equal(calls, INPUTS, "inputs of the calls")
        messages.append(sendable(message))
        for call in message.tool_calls:
            messages.append({"role": "tool", "tool_call_id": call.id, "content": RESULTS[call.function.name]})
        equal(message_of(messages, is_stream).content, QUOTED, "text behind the tools")


def error() -> None:
    expected = {
        "fails-400": openai.BadRequestError,
        "fails-401": openai.InternalServerError,
        "fails-404": openai.NotFoundError,
        "fails-429": openai.RateLimitError,
        "fails-500": openai.InternalServerError,
    }
    for scenario, kind in expected.items():
        try:
            client.chat.completions.create(model=model(scenario), messages=MESSAGES)
        except kind as failure:
            equal("says the upstream" in str(failure) or scenario == "fails-401", True, f"{scenario} says '{failure}'")
            continue
        raise AssertionError(f"{scenario} was taken for a success")
    for scenario in ("breaks", "cut"):
        text = ""
        try:
            for chunk in client.chat.completions.create(model=model(scenario), messages=MESSAGES, stream=True):
                text += "".join(choice.delta.content or "" for choice in chunk.choices)
        except openai.APIError:
            equal(text != "", True, f"{scenario}: the text before the end did not arrive")
            continue
        raise AssertionError(f"{scenario} was taken for a success: '{text}'")


for feature in (plain, stream, tools, error):
    try:
        feature()
        print(json.dumps({"feature": feature.__name__, "result": "ok", "note": ""}), flush=True)
    except Exception as failure:
        note = f"{type(failure).__name__}: {failure}"
        print(json.dumps({"feature": feature.__name__, "result": "failed", "note": note}), flush=True)
