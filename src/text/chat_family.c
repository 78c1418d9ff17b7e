#include <stdint.h>
#include <string.h>

#include "base/hash.h"
#include "text/chat_template.h"

static const char *const names[] = {
	[CHAT_CHATML] = "chatml",
	[CHAT_INSTRUCT] = "qwen3-instruct-2507",
	[CHAT_THINKING] = "qwen3-thinking-2507",
	[CHAT_HYBRID] = "qwen3-hybrid",
};

/* ChatML as the bundled model has it, and as most who use it write it. */
static const char *const chatml[] = {
	"{%- for message in messages %}{{- '<|im_start|>' + message.role + "
	"'\\n' + message.content + '<|im_end|>' + '\\n' }}{%- endfor %}"
	"{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}"
	"{%- endif %}",
	"{% for message in messages %}{{'<|im_start|>' + message['role'] + "
	"'\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}"
	"{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}"
	"{% endif %}",
};

/* hash64() of Qwen's own templates; tests/golden/templates holds them. */
static const struct {
	uint64_t hash;
	enum chat_family family;
} published[] = {
	{ UINT64_C(0x0851ab9cd45ab48a), CHAT_INSTRUCT },
	{ UINT64_C(0xbdee364f122d2352), CHAT_THINKING },
	{ UINT64_C(0xc9e0155c80737cf2), CHAT_HYBRID },
};

const char *chat_family_name(enum chat_family family)
{
	return names[family];
}

int chat_family_named(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

static size_t trimmed(const char *jinja)
{
	size_t len = strlen(jinja);

	while (len && strchr(" \t\r\n", jinja[len - 1]))
		len--;
	return len;
}

/* The family of a template that is known letter by letter, or -1. */
static int exactly(const char *jinja, size_t len)
{
	uint64_t hash = hash64(jinja, len);
	size_t i;

	for (i = 0; i < sizeof(chatml) / sizeof(chatml[0]); i++)
		if (strlen(chatml[i]) == len &&
		    memcmp(chatml[i], jinja, len) == 0)
			return CHAT_CHATML;
	for (i = 0; i < sizeof(published) / sizeof(published[0]); i++)
		if (published[i].hash == hash)
			return (int)published[i].family;
	return -1;
}

/* The marks that all revisions of Qwen3's text templates have, and what their
 * relatives have (Qwen2.5's default system prompt, the vision models). */
static enum chat_family by_marks(const char *jinja)
{
	static const char *const needed[] = {
		"<|im_start|>", "# Tools",         "<tool_response>",
		"</think>",     "multi_step_tool", "reasoning_content",
	};
	static const char *const foreign[] = {
		"You are Qwen",
		"<|vision_start|>",
		"raise_exception",
	};
	size_t i;

	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!strstr(jinja, needed[i]))
			return CHAT_CHATML;
	for (i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (strstr(jinja, foreign[i]))
			return CHAT_CHATML;
	if (strstr(jinja, "enable_thinking"))
		return CHAT_HYBRID;
	if (strstr(jinja, "<|im_start|>assistant\\n<think>\\n"))
		return CHAT_THINKING;
	return CHAT_INSTRUCT;
}

enum chat_family chat_family_of(const char *jinja, bool *known)
{
	int family;

	*known = true;
	if (!jinja)
		return CHAT_CHATML;
	family = exactly(jinja, trimmed(jinja));
	if (family >= 0)
		return (enum chat_family)family;
	*known = false;
	return by_marks(jinja);
}
