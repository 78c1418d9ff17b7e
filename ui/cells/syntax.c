#include "ui/cells/syntax.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof *(a))

struct syntax {
	const char *names;         /* separated by spaces */
	const char *line_comments; /* separated by spaces */
	const char *block_begin, *block_end; /* "" where there are none */
	const char *quotes;        /* each ends at its like, on the same line */
	bool triple_quotes;        /* Python: these go on over lines */
	const char *keywords;
};

enum { IN_CODE, IN_COMMENT, IN_TRIPLE_DOUBLE, IN_TRIPLE_SINGLE };

static const struct syntax languages[] = {
	{ "c h cpp c++ cc hpp cxx objc cuda", "//", "/*", "*/", "\"'", false,
	  "auto bool break case catch char class const constexpr continue "
	  "default delete do double else enum explicit extern false float for "
	  "friend goto if inline int long namespace new nullptr NULL operator "
	  "private protected public register restrict return short signed "
	  "sizeof static struct switch template this throw true try typedef "
	  "typename union unsigned using virtual void volatile while #include "
	  "#define #if #ifdef #ifndef #else #elif #endif #pragma" },
	{ "java kotlin kt scala csharp cs c# swift dart groovy", "//", "/*",
	  "*/", "\"'", false,
	  "abstract as async await boolean break case catch char class const "
	  "continue def default do double else enum extends extension false "
	  "final finally float for fun func guard if implements import in init "
	  "instanceof int interface internal is let long match namespace new "
	  "nil null object override package private protected public return "
	  "self static string struct super switch this throw throws trait true "
	  "try val var void when where while with yield" },
	{ "javascript js typescript ts jsx tsx json json5 jsonc", "//", "/*",
	  "*/", "\"'`", false,
	  "any as async await boolean break case catch class const continue "
	  "default delete do else enum export extends false finally for from "
	  "function if implements import in instanceof interface let new null "
	  "number of private public readonly return static string super switch "
	  "this throw true try type typeof undefined var void while yield" },
	{ "go golang", "//", "/*", "*/", "\"'`", false,
	  "any bool break byte case chan const continue default defer else "
	  "error fallthrough false float32 float64 for func go goto if import "
	  "int int64 interface iota map nil package range return rune select "
	  "string struct switch true type uint var" },
	{ "rust rs zig", "//", "/*", "*/", "\"", false,
	  "as async await bool break comptime const continue crate dyn else "
	  "enum extern f32 f64 false fn for i32 i64 if impl in let loop match "
	  "mod move mut pub ref return self Self static str struct super trait "
	  "true type u8 u32 u64 unsafe use usize var where while" },
	{ "python py python3 starlark", "#", "", "", "\"'", true,
	  "and as assert async await break class continue def del elif else "
	  "except False finally for from global if import in is lambda match "
	  "None nonlocal not or pass raise return self True try while with "
	  "yield" },
	{ "bash sh shell zsh console fish", "#", "", "", "\"'`", false,
	  "alias case cd do done echo elif else esac exit export fi for "
	  "function if in local read return set shift source sudo then trap "
	  "unset until while" },
	{ "ruby rb elixir crystal", "#", "", "", "\"'`", false,
	  "alias and begin break case class def defmodule do else elsif end "
	  "ensure false for if in module next nil not or raise require rescue "
	  "return self super then true unless until when while yield" },
	{ "perl pl r tcl awk make makefile cmake dockerfile yaml yml toml ini "
	  "conf nginx",
	  "#", "", "", "\"'", false,
	  "CMD COPY ENV FROM RUN WORKDIR BEGIN END else elsif false for foreach "
	  "function if in last my next null our proc return sub true undef "
	  "unless use while" },
	{ "sql postgres postgresql mysql sqlite", "--", "/*", "*/", "\"'", false,
	  "ADD ALL ALTER AND AS ASC BEGIN BY CASE COMMIT COUNT CREATE DEFAULT "
	  "DELETE DESC DISTINCT DROP ELSE END EXISTS FOREIGN FROM GROUP HAVING "
	  "IN INDEX INNER INSERT INTO IS JOIN KEY LEFT LIKE LIMIT NOT NULL ON "
	  "OR ORDER OUTER PRIMARY REFERENCES RIGHT SELECT SET SUM TABLE THEN "
	  "UNION UNIQUE UPDATE VALUES VIEW WHEN WHERE WITH "
	  "add all alter and as asc begin by case commit count create default "
	  "delete desc distinct drop else end exists foreign from group having "
	  "in index inner insert into is join key left like limit not null on "
	  "or order outer primary references right select set sum table then "
	  "union unique update values view when where with" },
	{ "lua haskell hs", "--", "", "", "\"", false,
	  "and break case class data deriving do else elseif end false for "
	  "function if import in instance let local module newtype nil not of "
	  "or repeat return then true type until where while" },
	{ "html xml svg", "", "<!--", "-->", "\"'", false, "" },
	{ "css scss less", "", "/*", "*/", "\"'", false,
	  "@media @import @keyframes !important" },
	{ "lisp scheme clojure elisp asm", ";", "", "", "\"", false,
	  "define defn defun defvar if lambda let cond fn mov add sub jmp call "
	  "ret push pop" },
};

/* Is text[0..len) one of the words? */
static bool has_word(const char *words, const char *text, size_t len,
                     bool ignore_case)
{
	while (*words) {
		size_t n = strcspn(words, " ");

		if (n == len && (ignore_case ? !strncasecmp(words, text, n) :
		                               !memcmp(words, text, n)))
			return true;
		words += n;
		words += *words == ' ';
	}
	return false;
}

const struct syntax *syntax_find(const char *name, size_t len)
{
	if (!len)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(languages); i++)
		if (has_word(languages[i].names, name, len, true))
			return &languages[i];
	return NULL;
}

static bool at(const char *text, size_t len, size_t pos, const char *mark)
{
	size_t n = strlen(mark);

	return n && len - pos >= n && !memcmp(text + pos, mark, n);
}

/* The end of what began before: just after mark, or the end of the line. */
static size_t until(const char *text, size_t len, size_t pos, const char *mark,
                    int *state)
{
	for (; pos < len; pos++) {
		if (at(text, len, pos, mark)) {
			*state = IN_CODE;
			return pos + strlen(mark);
		}
	}
	return len;
}

static size_t string_end(const char *text, size_t len, size_t pos)
{
	char quote = text[pos++];

	while (pos < len && text[pos] != quote)
		pos += text[pos] == '\\' && pos + 1 < len ? 2 : 1;
	return pos < len ? pos + 1 : len;
}

static bool begins_line_comment(const struct syntax *s, const char *text,
                                size_t len, size_t pos)
{
	const char *mark = s->line_comments;
	size_t n = strlen(mark);

	if (!n || !at(text, len, pos, mark))
		return false;
	/* In a shell, "$#" and "a#b" are no comments. */
	return n > 1 || pos == 0 || isspace((unsigned char)text[pos - 1]);
}

static bool is_word_byte(unsigned char c)
{
	return isalnum(c) || c == '_' || c >= 0x80;
}

static size_t word_end(const char *text, size_t len, size_t pos)
{
	pos++; /* may be one of #, @, ! */
	while (pos < len && is_word_byte((unsigned char)text[pos]))
		pos++;
	return pos;
}

static size_t number_end(const char *text, size_t len, size_t pos)
{
	while (pos < len && (is_word_byte((unsigned char)text[pos]) ||
	                     text[pos] == '.'))
		pos++;
	return pos;
}

static size_t triple(const char *text, size_t len, size_t pos, int *state)
{
	bool single = text[pos] == '\'';

	*state = single ? IN_TRIPLE_SINGLE : IN_TRIPLE_DOUBLE;
	return until(text, len, pos + 3, single ? "'''" : "\"\"\"", state);
}

/* A word, a number, or one byte of something else. */
static size_t plain_next(const struct syntax *s, const char *text, size_t len,
                         size_t pos, enum style_role *role)
{
	unsigned char c = (unsigned char)text[pos];
	size_t end;

	*role = STYLE_CODE;
	if (isdigit(c)) {
		*role = STYLE_CODE_NUMBER;
		return number_end(text, len, pos) - pos;
	}
	if (!is_word_byte(c) && !strchr("#@!", c))
		return 1;
	end = word_end(text, len, pos);
	if (has_word(s->keywords, text + pos, end - pos, false))
		*role = STYLE_CODE_KEYWORD;
	return end - pos;
}

static size_t go_on(const struct syntax *s, int *state, const char *text,
                    size_t len, size_t pos, enum style_role *role)
{
	const char *mark = *state == IN_COMMENT          ? s->block_end :
	                   *state == IN_TRIPLE_SINGLE ? "'''" :
	                                                "\"\"\"";

	*role = *state == IN_COMMENT ? STYLE_CODE_COMMENT : STYLE_CODE_STRING;
	return until(text, len, pos, mark, state) - pos;
}

size_t syntax_next(const struct syntax *s, int *state, const char *text,
                   size_t len, size_t pos, enum style_role *role)
{
	*role = STYLE_CODE;
	if (!s)
		return len - pos;
	if (*state != IN_CODE)
		return go_on(s, state, text, len, pos, role);
	if (begins_line_comment(s, text, len, pos)) {
		*role = STYLE_CODE_COMMENT;
		return len - pos;
	}
	if (at(text, len, pos, s->block_begin)) {
		*role = STYLE_CODE_COMMENT;
		*state = IN_COMMENT;
		return until(text, len, pos + strlen(s->block_begin),
		             s->block_end, state) -
		       pos;
	}
	if (text[pos] && strchr(s->quotes, text[pos])) {
		*role = STYLE_CODE_STRING;
		if (s->triple_quotes && (at(text, len, pos, "'''") ||
		                         at(text, len, pos, "\"\"\"")))
			return triple(text, len, pos, state) - pos;
		return string_end(text, len, pos) - pos;
	}
	return plain_next(s, text, len, pos, role);
}
