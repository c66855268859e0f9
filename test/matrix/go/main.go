// Go's go-openai against a gateway: one JSON line for each feature, {feature, result, note}.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"

	openai "github.com/sashabaranov/go-openai"
)

const prompt = "Wie geht's, 世界? 🌍"
const greeting = "Grüße aus Zürich, 世界 👋🏽: "
const quoted = "get_weather says sunny, 21 °C ☀️; get_time says 12:00 «noon»."

var inputs = map[string]any{
	"get_weather": map[string]any{"city": "Zürich", "units": []any{"°C", "%"}, "days": 2.0},
	"get_time":    map[string]any{"zone": "Europe/Zurich", "offset": map[string]any{"hours": 1.0, "dst": false}},
}
var results = map[string]string{"get_weather": "sunny, 21 °C ☀️", "get_time": "12:00 «noon»"}

var client *openai.Client
var upstream string

func request(scenario string) openai.ChatCompletionRequest {
	return openai.ChatCompletionRequest{
		Model:    upstream + "-" + scenario,
		Messages: []openai.ChatCompletionMessage{{Role: openai.ChatMessageRoleUser, Content: prompt}},
	}
}

func equal(found, expected any, what string) error {
	if reflect.DeepEqual(found, expected) {
		return nil
	}
	return fmt.Errorf("%s: %#v instead of %#v", what, found, expected)
}

func plain() error {
	answer, err := client.CreateChatCompletion(context.Background(), request("plain"))
	if err != nil {
		return err
	}
	return errors.Join(
		equal(answer.Choices[0].Message.Content, greeting+prompt, "text"),
		equal(answer.Choices[0].FinishReason, openai.FinishReasonStop, "finish reason"),
		equal([]int{answer.Usage.PromptTokens, answer.Usage.CompletionTokens}, []int{29, 13}, "usage"),
	)
}

// The message that a stream adds up to, its finish reason, and the usage where asked for.
func read(wish openai.ChatCompletionRequest) (openai.ChatCompletionMessage, openai.FinishReason, *openai.Usage, error) {
	message := openai.ChatCompletionMessage{Role: openai.ChatMessageRoleAssistant}
	var finish openai.FinishReason
	var usage *openai.Usage
	stream, err := client.CreateChatCompletionStream(context.Background(), wish)
	if err != nil {
		return message, finish, usage, err
	}
	defer stream.Close()
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return message, finish, usage, nil
		}
		if err != nil {
			return message, finish, usage, err
		}
		if chunk.Usage != nil {
			usage = chunk.Usage
		}
		for _, choice := range chunk.Choices {
			message.Content += choice.Delta.Content
			if choice.FinishReason != "" {
				finish = choice.FinishReason
			}
			for _, delta := range choice.Delta.ToolCalls {
				if *delta.Index == len(message.ToolCalls) {
					message.ToolCalls = append(message.ToolCalls, openai.ToolCall{ID: delta.ID, Type: delta.Type})
				}
				call := &message.ToolCalls[*delta.Index].Function
				call.Name += delta.Function.Name
				call.Arguments += delta.Function.Arguments
			}
		}
	}
}

func stream() error {
	for _, suffix := range []string{"", "--whole", "--bytes", "--split-1"} {
		wish := request("plain" + suffix)
		wish.StreamOptions = &openai.StreamOptions{IncludeUsage: true}
		message, finish, usage, err := read(wish)
		if err != nil {
			return err
		}
		if usage == nil {
			return errors.New("no usage")
		}
		err = errors.Join(
			equal(message.Content, greeting+prompt, "text"+suffix),
			equal(finish, openai.FinishReasonStop, "finish reason"),
			equal([]int{usage.PromptTokens, usage.CompletionTokens}, []int{29, 13}, "usage"),
		)
		if err != nil {
			return err
		}
	}
	return nil
}

func answer(wish openai.ChatCompletionRequest, isStream bool) (openai.ChatCompletionMessage, error) {
	if isStream {
		message, _, _, err := read(wish)
		return message, err
	}
	whole, err := client.CreateChatCompletion(context.Background(), wish)
	if err != nil {
		return openai.ChatCompletionMessage{}, err
	}
	return whole.Choices[0].Message, nil
}

func loop(isStream bool) error {
	wish := request("tools")
	for _, name := range []string{"get_weather", "get_time"} {
		function := openai.FunctionDefinition{Name: name, Parameters: json.RawMessage(`{"type":"object","properties":{}}`)}
		wish.Tools = append(wish.Tools, openai.Tool{Type: openai.ToolTypeFunction, Function: &function})
	}
	message, err := answer(wish, isStream)
	if err != nil {
		return err
	}
	wish.Messages = append(wish.Messages, message)
	found := map[string]any{}
	for _, call := range message.ToolCalls {
		var input any
		if err := json.Unmarshal([]byte(call.Function.Arguments), &input); err != nil {
			return fmt.Errorf("arguments %q: %w", call.Function.Arguments, err)
		}
		found[call.Function.Name] = input
		result := openai.ChatCompletionMessage{Role: openai.ChatMessageRoleTool, ToolCallID: call.ID, Content: results[call.Function.Name]}
		wish.Messages = append(wish.Messages, result)
	}
	if err := equal(found, inputs, "inputs of the calls"); err != nil {
		return err
	}
	last, err := answer(wish, isStream)
	if err != nil {
		return err
	}
	return equal(last.Content, quoted, "text behind the tools")
}

func tools() error {
	return errors.Join(loop(false), loop(true))
}

func failure() error {
	statuses := map[string]int{"fails-400": 400, "fails-404": 404, "fails-429": 429}
	for _, scenario := range []string{"fails-400", "fails-401", "fails-404", "fails-429", "fails-500"} {
		_, err := client.CreateChatCompletion(context.Background(), request(scenario))
		var told *openai.APIError
		if !errors.As(err, &told) {
			return fmt.Errorf("%s is no APIError but %v", scenario, err)
		}
		expected, isNamed := statuses[scenario]
		if isNamed && told.HTTPStatusCode != expected || !isNamed && told.HTTPStatusCode < 500 {
			return fmt.Errorf("%s is %d: %s", scenario, told.HTTPStatusCode, told.Message)
		}
		if scenario != "fails-401" && !strings.Contains(told.Message, "says the upstream") {
			return fmt.Errorf("%s says '%s'", scenario, told.Message)
		}
	}
	for _, scenario := range []string{"breaks", "cut"} {
		message, _, _, err := read(request(scenario))
		if err == nil {
			return fmt.Errorf("%s was taken for a success: '%s'", scenario, message.Content)
		}
		if message.Content == "" {
			return fmt.Errorf("%s: the text before the end did not arrive", scenario)
		}
	}
	return nil
}

func main() {
	config := openai.DefaultConfig("none")
	config.BaseURL = os.Args[1]
	upstream = os.Args[2]
	client = openai.NewClientWithConfig(config)
	checks := []struct {
		feature string
		run     func() error
	}{{"plain", plain}, {"stream", stream}, {"tools", tools}, {"error", failure}}
	for _, check := range checks {
		line := map[string]string{"feature": check.feature, "result": "ok", "note": ""}
		if err := check.run(); err != nil {
			line["result"], line["note"] = "failed", err.Error()
		}
		text, _ := json.Marshal(line)
		fmt.Println(string(text))
	}
}
