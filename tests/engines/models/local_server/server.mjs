// A real language model behind OpenAI's chat protocol, for the tests: node server.mjs MODEL.gguf NAME PORT_FILE MOST_TOKENS
//
// GET /v1/models and POST /v1/chat/completions (stream or not, with usage). One request is answered at a time. Nothing is
// fetched and nothing is built. The server ends when its standard input closes, so that it never outlives its test.
import {randomUUID} from "node:crypto";
import {renameSync, writeFileSync} from "node:fs";
import {createServer} from "node:http";
import {getLlama, LlamaLogLevel} from "node-llama-cpp";

const CONTEXT = 8192; // tokens; what SmolLM2-135M was trained for
const [weights, name, portFile, mostTokens] = process.argv.slice(2);

// One thread: ggml's threads wait for each other by spinning, and beside other work on two cores that is forty times slower.
const llama = await getLlama({
    build: "never", skipDownload: true, gpu: false, maxThreads: 1, logLevel: LlamaLogLevel.error
});
const model = await llama.loadModel({modelPath: weights});
const context = await model.createContext({contextSize: CONTEXT, sequences: 1, batchSize: 512});
const sequence = context.getSequence();

class Refusal extends Error {
    constructor(status, code, message) {
        super(message);
        this.status = status;
        this.code = code;
    }
}

// ChatML, the template that the model was taught. Text of a message is tokenised apart from the marks between messages, so
// that no message can forge one.
function promptOf(messages) {
    const plain = text => model.tokenize(text, false);
    const mark = text => model.tokenize(text, true);
    const tokens = [];
    for (const {role, content} of messages) {
        if (!["system", "user", "assistant"].includes(role) || typeof content !== "string")
            throw new Refusal(400, "invalid_request", "each message needs a role and a text");
        tokens.push(...mark("<|im_start|>"), ...plain(`${role}\n${content}`), ...mark("<|im_end|>"), ...plain("\n"));
    }
    return [...tokens, ...mark("<|im_start|>"), ...plain("assistant\n")];
}

function readRequest(body) {
    let asked;
    try {
        asked = JSON.parse(body);
    } catch {
        throw new Refusal(400, "invalid_request", "the body is no JSON");
    }
    if (asked?.model !== name) throw new Refusal(404, "model_not_found", `only '${name}' is served here`);
    if (!Array.isArray(asked.messages) || asked.messages.length === 0)
        throw new Refusal(400, "invalid_request", "messages must be a list with at least one message");
    const prompt = promptOf(asked.messages);
    const most = Math.min(Number(mostTokens), Math.max(1, Math.floor(asked.max_tokens ?? Infinity)));
    if (prompt.length + most > CONTEXT)
        throw new Refusal(400, "context_length_exceeded", `${prompt.length} + ${most} tokens do not fit into ${CONTEXT}`);
    return {prompt, most, temperature: asked.temperature ?? 1, seed: asked.seed, stream: asked.stream === true};
}

// Whole characters only: a Korean syllable may be spread over several tokens.
async function* generate({prompt, most, temperature, seed}, count, gone) {
    await sequence.clearHistory();
    let waiting = [];
    for await (const token of sequence.evaluate(prompt, {temperature, seed})) {
        if (gone()) return;
        count.completion += 1;
        waiting.push(token);
        const text = model.detokenize(waiting);
        if (!text.endsWith("\ufffd")) {
            waiting = [];
            yield text;
        }
        if (count.completion >= most) {
            count.finish = "length";
            break;
        }
    }
    if (waiting.length > 0) yield model.detokenize(waiting);
}

const usageOf = (prompt, completion) => ({
    prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion
});

function sendJson(response, status, value) {
    response.writeHead(status, {"Content-Type": "application/json"});
    response.end(JSON.stringify(value));
}

async function answer(request, response) {
    let body = "";
    for await (const piece of request.setEncoding("utf8")) body += piece;
    const asked = readRequest(body);
    const count = {completion: 0, finish: "stop"};
    const head = {id: `chatcmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model: name};
    const pieces = generate(asked, count, () => response.destroyed);
    const usage = () => usageOf(asked.prompt.length, count.completion);
    if (!asked.stream) {
        let content = "";
        for await (const piece of pieces) content += piece;
        const message = {role: "assistant", content};
        const choices = [{index: 0, message, finish_reason: count.finish}];
        sendJson(response, 200, {...head, object: "chat.completion", choices, usage: usage()});
        return;
    }
    const event = (delta, reason, more = {}) => response.write(`data: ${JSON.stringify({
        ...head, object: "chat.completion.chunk", choices: [{index: 0, delta, finish_reason: reason}], ...more
    })}\n\n`);
    response.writeHead(200, {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"});
    event({role: "assistant", content: ""}, null);
    for await (const piece of pieces) event({content: piece}, null);
    event({}, count.finish, {usage: usage()});
    response.end("data: [DONE]\n\n");
}

let last = Promise.resolve(); // the answers stand in line: there is one context

function refuse(response, error) {
    if (response.headersSent) return response.destroy();
    const status = error instanceof Refusal ? error.status : 500;
    return sendJson(response, status, {error: {message: error.message, type: "error", code: error.code ?? "internal"}});
}

const server = createServer((request, response) => {
    if (request.method === "GET" && request.url === "/v1/models")
        sendJson(response, 200, {object: "list", data: [{id: name, object: "model", owned_by: "local"}]});
    else if (request.method === "POST" && request.url === "/v1/chat/completions")
        last = last.then(() => answer(request, response)).catch(error => refuse(response, error));
    else sendJson(response, 404, {error: {message: "no such address", type: "error", code: "not_found"}});
});

process.stdin.on("end", () => process.exit(0)).resume();
server.listen(0, "127.0.0.1", () => {
    writeFileSync(`${portFile}.new`, `${process.pid} ${server.address().port}`);
    renameSync(`${portFile}.new`, portFile); // the reader never sees half a number
});
