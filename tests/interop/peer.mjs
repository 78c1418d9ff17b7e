/*
 * peer.mjs - llama.cpp's opinion of a GGUF file, through node-llama-cpp
 *
 *	node peer.mjs NODE_MODULES MODEL.gguf < QUESTIONS > ANSWERS
 *
 * QUESTIONS: {"texts": [TEXT...], "runs": [{"ids": [ID...], "from": N}...],
 *	"greedy": [{"ids": [ID...], "n": N}...], "never": [ID...]}
 * ANSWERS: {"plain": [[ID...]...], "special": [[ID...]...],
 *	"runs": [[[[ID, LOGPROB]...]...]...], "greedy": [[ID...]...]}
 *
 * "plain" are the texts as plain text, "special" with added tokens recognised;
 * of each run, for every token from the Nth on, the tokens that were likeliest
 * before it was read.  "greedy" are up to N tokens that continue the ids, each
 * the likeliest but for those that are never to be written, the end of the reply
 * included.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const TOP = 20;

const [modules, modelPath] = process.argv.slice(2);
const entry = join(modules, "node-llama-cpp", "dist", "index.js");
const { getLlama, TokenBias } = await import(pathToFileURL(entry).href);
const chunks = [];

for await (const chunk of process.stdin)
	chunks.push(chunk);

const questions = JSON.parse(Buffer.concat(chunks).toString("utf8"));

const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" });
const model = await llama.loadModel({ modelPath });
const context = await model.createContext({ contextSize: 1024, threads: 1 });
const sequence = context.getSequence();

async function predict({ ids, from }) {
	const look = { generateNext: { probabilities: true,
		options: { temperature: 1, topK: 0, topP: 1, minP: 0 } } };

	await sequence.clearHistory();
	const results = await sequence.controlledEvaluate(ids.slice(0, -1).map(
		(token, i) => i < from - 1 ? token : [token, look]));
	return results.slice(from - 1).map((result) =>
		[...result.next.probabilities.entries()].slice(0, TOP)
			.map(([id, p]) => [Number(id), Math.log(p)]));
}

const tokenBias = new TokenBias(model.tokenizer);
for (const id of questions.never)
	tokenBias.set(id, "never");

async function continueGreedily({ ids, n }) {
	const out = [];

	await sequence.clearHistory();
	for await (const token of sequence.evaluate(ids,
		{ temperature: 0, yieldEogToken: true, tokenBias })) {
		out.push(Number(token));
		if (out.length === n)
			break;
	}
	return out;
}

const answers = {
	plain: questions.texts.map((text) => model.tokenize(text, false)),
	special: questions.texts.map((text) => model.tokenize(text, true)),
	runs: [],
	greedy: [],
};
for (const run of questions.runs)
	answers.runs.push(await predict(run));
for (const prompt of questions.greedy)
	answers.greedy.push(await continueGreedily(prompt));
process.stdout.write(JSON.stringify(answers));
await llama.dispose();
