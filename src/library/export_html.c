/*
 * One page, nothing to load, no script: a token is a <span> whose class tells
 * its probability in ten steps, and whose data-o is the table that the style
 * shows under the pointer.
 */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/utf8.h"
#include "library/conversation.h"
#include "library/export_parts.h"
#include "library/reply.h"
#include "text/tokenizer.h"

#define SHOWN 10 /* candidates in the table of a token */
#define HEATS 10

static const char style[] =
	":root{color-scheme:light dark;--paper:#fdfdfb;--ink:#1c1c1c;"
	"--dim:#6b6b6b;--rule:#d8d8d4;--you:#1a5fb4;--box:#fff;"
	"--heat:214 92 20}\n"
	"@media(prefers-color-scheme:dark){:root{--paper:#17181a;--ink:#e4e4e0;"
	"--dim:#9a9a96;--rule:#3a3b3e;--you:#8ab4f8;--box:#222427;"
	"--heat:240 140 60}}\n"
	"body{margin:0 auto;max-width:46rem;padding:1.5rem;line-height:1.55;"
	"background:var(--paper);color:var(--ink);"
	"font-family:system-ui,sans-serif}\n"
	"h1{font-size:1.3rem;margin:0}\n"
	"header p,h2 small,footer{color:var(--dim);font-size:.85rem}\n"
	"h2{font-size:.95rem;margin:1.6rem 0 .3rem;"
	"border-top:1px solid var(--rule);padding-top:.6rem}\n"
	".user h2{color:var(--you)}\n"
	".text{white-space:pre-wrap;overflow-wrap:anywhere}\n"
	".system .text,.tool .text{color:var(--dim)}\n"
	".t{position:relative}\n"
	".t:hover{outline:1px solid var(--dim)}\n"
	".t:hover::after{content:attr(data-o);position:absolute;left:0;"
	"top:1.6em;z-index:1;white-space:pre;padding:.5em .7em;"
	"background:var(--box);border:1px solid var(--rule);"
	"box-shadow:0 2px 8px rgb(0 0 0/.25);color:var(--ink);"
	"font:.8rem/1.4 ui-monospace,monospace;text-decoration:none}\n";

static void add_style(struct strbuf *out)
{
	strbuf_add_str(out, "<style>\n");
	strbuf_add_str(out, style);
	for (int h = 1; h < HEATS; h++)
		strbuf_printf(out,
		              "#heat:checked~main .h%d{background:"
		              "rgb(var(--heat)/%d%%)%s}\n",
		              h, 6 * h,
		              h >= HEATS / 2 ? ";text-decoration:underline "
		                               "dotted"
		                             : "");
	strbuf_add_str(out, "</style>\n");
}

/* Text of an element or of an attribute in double quotes. */
static void add_escaped(struct strbuf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		switch (text[i]) {
		case '&':
			strbuf_add_str(out, "&amp;");
			break;
		case '<':
			strbuf_add_str(out, "&lt;");
			break;
		case '>':
			strbuf_add_str(out, "&gt;");
			break;
		case '"':
			strbuf_add_str(out, "&quot;");
			break;
		case '\r': /* a bare one would become a newline */
			strbuf_add_str(out, "&#13;");
			break;
		case '\0': /* HTML has none */
			strbuf_add_str(out, "\xef\xbf\xbd");
			break;
		default:
			strbuf_add_char(out, text[i]);
		}
	}
}

/* ---- a token's table ---- */

/* A token so that one sees it: its spaces and newlines, half characters and
 * controls as bytes. */
static void add_visible(struct strbuf *out, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint32_t cp;
		size_t n = (size_t)utf8_decode(bytes + i, len - i, &cp);

		if (cp == ' ')
			strbuf_add_str(out, "▁");
		else if (cp == '\n')
			strbuf_add_str(out, "⏎");
		else if (cp < ' ' || (cp >= 0x7f && cp < 0xa0) ||
		         !utf8_valid(bytes + i, n))
			for (size_t k = 0; k < n; k++)
				strbuf_printf(out, "&lt;%02x&gt;",
				              (unsigned char)bytes[i + k]);
		else
			add_escaped(out, bytes + i, n);
		i += n;
	}
}

static void add_id(struct strbuf *out, const struct tokenizer *t, int id)
{
	size_t len;
	const char *bytes = tokenizer_bytes(t, id, &len);

	if (bytes)
		add_visible(out, bytes, len);
	else
		strbuf_printf(out, "id %d", id);
}

static void add_candidate(struct strbuf *out, const struct tokenizer *t,
                          const struct token_candidate *c, bool taken)
{
	const char *cut = export_cut(c);

	strbuf_printf(out, "&#10;%s %.4f ", taken ? "▸" : " ",
	              exp((double)c->logprob));
	if (*cut)
		strbuf_printf(out, "cut %-6s ", cut);
	else
		strbuf_printf(out, "%10.4f ", (double)c->sampled_prob);
	add_id(out, t, c->id);
}

static void add_table(struct strbuf *out, const struct tokenizer *t,
                      const struct token_odds *odds)
{
	const double bits = 1 / log(2);
	int n = odds->n_top < SHOWN ? odds->n_top : SHOWN;

	add_id(out, t, odds->id);
	if (!odds->rank) {
		strbuf_add_str(out, "  (odds unknown)");
		return;
	}
	strbuf_printf(out,
	              "  id %d&#10;p %.4f  rank %d  entropy %.2f bits"
	              "&#10;     raw    sampled",
	              odds->id, exp((double)odds->logprob), odds->rank,
	              (double)odds->entropy * bits);
	for (int i = 0; i < n; i++)
		add_candidate(out, t, &odds->top[i],
		              odds->top[i].id == odds->id);
}

/* From 0, certain, to HEATS - 1. */
static int heat(const struct token_odds *odds)
{
	double p = odds->rank ? exp((double)odds->logprob) : 1;

	if (!(p < 1))
		return 0;
	return p < 1.0 / HEATS ? HEATS - 1 : (int)((1 - p) * HEATS);
}

/* ---- messages ---- */

/* Tokens that end inside a character wait for the one that completes it. */
struct spans {
	struct strbuf *out, table, text;
	struct tokenizer_stream stream;
	int heat;
};

static void flush(struct spans *s)
{
	if (!s->text.len)
		return;
	if (s->table.len)
		strbuf_printf(s->out, "<span class=\"t h%d\" data-o=\"%s\">",
		              s->heat, s->table.bytes);
	add_escaped(s->out, s->text.bytes, s->text.len);
	if (s->table.len)
		strbuf_add_str(s->out, "</span>");
	strbuf_clear(&s->table);
	strbuf_clear(&s->text);
	s->heat = 0;
}

static void add_tokens(struct strbuf *out, const struct message *m,
                       const struct tokenizer *t)
{
	struct spans s = { .out = out,
		           .table = STRBUF_INIT,
		           .text = STRBUF_INIT };

	for (size_t i = 0; i < m->ids.n; i++) {
		size_t len;
		const char *bytes = tokenizer_bytes(t, m->ids.data[i], &len);

		tokenizer_stream_add(&s.stream, bytes, len, &s.text);
		if (i < m->n_odds) {
			if (s.table.len)
				strbuf_add_str(&s.table, "&#10;");
			add_table(&s.table, t, &m->odds[i]);
			if (heat(&m->odds[i]) > s.heat)
				s.heat = heat(&m->odds[i]);
		}
		flush(&s);
	}
	tokenizer_stream_end(&s.stream, &s.text);
	flush(&s);
	strbuf_free(&s.table);
	strbuf_free(&s.text);
}

static void add_heading(struct strbuf *out, const struct conversation *c,
                        const struct message *m)
{
	struct message **siblings;
	size_t index, n = conversation_siblings(c, m->id, &siblings, &index);
	const char *name = message_speaker(m), *ending = export_ending(m);

	strbuf_add_str(out, "<h2>");
	add_escaped(out, name, strlen(name));
	strbuf_add_str(out, " <small>");
	export_time(out, m->created_ms);
	if (n > 1)
		strbuf_printf(out, " · branch %zu of %zu", index + 1, n);
	if (ending)
		strbuf_printf(out, " · %s", ending);
	strbuf_add_str(out, "</small></h2>\n");
	free(siblings);
}

static void add_message(struct strbuf *out, const struct conversation *c,
                        const struct message *m,
                        const struct export_tokens *tokens)
{
	const struct tokenizer *t = export_tokenizer(tokens, c, m);

	strbuf_printf(out, "<section class=\"%s\">\n",
	              message_role_name(m->role));
	add_heading(out, c, m);
	strbuf_add_str(out, "<div class=\"text\">");
	if (t && m->n_odds && reply_ids_hold(m, t))
		add_tokens(out, m, t);
	else
		add_escaped(out, m->text.bytes, m->text.len);
	strbuf_add_str(out, "</div>\n</section>\n");
}

static void add_head(struct strbuf *out, const char *title)
{
	strbuf_add_str(out, "<!DOCTYPE html>\n<html>\n<head>\n"
	                    "<meta charset=\"utf-8\">\n"
	                    "<meta http-equiv=\"Content-Security-Policy\""
	                    " content=\"default-src 'none';"
	                    " style-src 'unsafe-inline'\">\n"
	                    "<meta name=\"viewport\""
	                    " content=\"width=device-width,initial-scale=1\">\n"
	                    "<title>");
	add_escaped(out, title, strlen(title));
	strbuf_add_str(out, "</title>\n");
	add_style(out);
	strbuf_add_str(out, "</head>\n<body>\n<header>\n<h1>");
	add_escaped(out, title, strlen(title));
	strbuf_add_str(out, "</h1>\n<p>");
}

void export_html(struct strbuf *out, const struct conversation *c,
                 const struct export_tokens *tokens)
{
	struct message **path;
	size_t n = conversation_path(c, &path);

	add_head(out, export_title(c));
	export_time(out, c->updated_ms);
	strbuf_printf(out, ", %zu messages", n);
	strbuf_add_str(out, "</p>\n</header>\n"
	                    "<input type=\"checkbox\" id=\"heat\" checked>"
	                    "<label for=\"heat\"> Colour the words by their "
	                    "probability; point at one for its odds</label>\n"
	                    "<main>\n");
	for (size_t i = 0; i < n; i++)
		add_message(out, c, path[i], tokens);
	strbuf_add_str(out, "</main>\n<footer>confab</footer>\n"
	                    "</body>\n</html>\n");
	free(path);
}
