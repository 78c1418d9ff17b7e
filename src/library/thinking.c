#include "library/thinking.h"

#include <string.h>

#include "base/strbuf.h"

#define BEGIN "<think>\n"
#define END   "\n</think>\n\n"

bool thinking_split(const char *text, size_t len, size_t *thought,
                    size_t *thought_len, size_t *answer)
{
	const size_t begin = strlen(BEGIN);
	const char *end;

	if (len < begin || memcmp(text, BEGIN, begin))
		return false;
	end = memmem(text + begin, len - begin, END, strlen(END));
	if (!end || end == text + begin)
		return false;
	*thought = begin;
	*thought_len = (size_t)(end - text) - begin;
	*answer = (size_t)(end - text) + strlen(END);
	return true;
}

void thinking_join(struct strbuf *out, const char *thought, const char *answer)
{
	strbuf_printf(out, "%s%s%s", BEGIN, thought, END);
	strbuf_add_str(out, answer);
}

bool thinking_is_over(const struct strbuf *text)
{
	return memmem(text->bytes, text->len, "</think>", 8);
}
