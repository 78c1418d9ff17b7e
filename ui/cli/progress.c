#include "ui/cli/progress.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "ui/cells/sanitise.h"

static char shown[64]; /* what stands on the line, "" for nothing */

static bool wanted(void)
{
	static int terminal = -1;

	if (terminal < 0)
		terminal = isatty(STDERR_FILENO);
	return terminal;
}

const char *progress_stage(enum engine_stage stage)
{
	switch (stage) {
	case ENGINE_STAGE_QUANTIZE:
		return "quantizing";
	case ENGINE_STAGE_WEIGHTS:
		return "loading";
	case ENGINE_STAGE_PREFILL:
		break;
	}
	return "reading";
}

void progress_show(const char *what, uint64_t done, uint64_t total)
{
	char line[sizeof shown];
	int percent = 100;

	if (!wanted())
		return;
	if (done < total)
		percent = (int)((double)done / (double)total * 100);
	if (total)
		snprintf(line, sizeof line, "%s %d%%", what, percent);
	else
		snprintf(line, sizeof line, "%s", what);
	if (!strcmp(line, shown))
		return;
	progress_clear();
	fputs(line, stderr);
	memcpy(shown, line, sizeof shown);
}

/* With blanks, which every terminal understands. */
void progress_clear(void)
{
	if (*shown)
		fprintf(stderr, "\r%*s\r", (int)strlen(shown), "");
	*shown = '\0';
}

/* Other people's names may be in it. */
static void tell(const char *format, va_list args)
{
	struct strbuf text = STRBUF_INIT;
	struct error note;

	progress_clear();
	vsnprintf(note.text, sizeof note.text, format, args);
	if (wanted())
		sanitise(&text, note.text, strlen(note.text));
	else
		strbuf_add_str(&text, note.text);
	fprintf(stderr, "confab: %s\n", text.bytes);
	strbuf_free(&text);
}

void progress_note(const char *format, ...)
{
	va_list args;

	if (!wanted())
		return;
	va_start(args, format);
	tell(format, args);
	va_end(args);
}

void progress_warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell(format, args);
	va_end(args);
}
