#include "ui/cli/commands.h"

#define ANY ((size_t)-1)

const struct command commands[] = {
	{ "list", "[WORDS]",
	  "saved conversations, newest first; WORDS searches", 0, ANY,
	  command_list },
	{ "show", "ID", "a saved conversation", 1, 1, command_show },
	{ "rename", "ID TITLE", "give a conversation another title", 2, ANY,
	  command_rename },
	{ "rm", "ID...", "delete conversations", 1, ANY, command_rm },
	{ "export", "ID", "write a conversation as md, json, jsonl or html", 1,
	  1, command_export },
	{ "import", "FILE", "read conversations of OpenAI, llama.cpp, ShareGPT",
	  1, 1, command_import },
	{ "models", "[rm NAME...]", "models found on this machine", 0, ANY,
	  command_models },
	{ "info", "[PATH]", "what is in a checkpoint", 0, 1, command_info },
	{ "tokenize", "", "standard input to token ids", 0, 0,
	  command_tokenize },
	{ "render", "", "conversations in JSON to text and ids", 0, 0,
	  command_render },
	{ "score", "", "log-probability of every token of standard input", 0, 0,
	  command_score },
	{ "bench", "", "speed of prefill and decode", 0, 0, command_bench },
	{ "quantize", "SRC OUT.gguf", "write a checkpoint as GGUF, --type TYPE",
	  2, 2, command_quantize },
	{ 0 },
};
