/*
 * gguf_config.h - a GGUF's metadata as config.json and generation_config.json
 *
 * gguf_contents.h has the table of keys.
 */
#ifndef CONFAB_GGUF_CONFIG_H
#define CONFAB_GGUF_CONFIG_H

struct error;
struct gguf;
struct strbuf;

/* Appends the JSON text.  What the metadata do not have is left out of it; the
 * model says what it misses. */
int gguf_config(struct strbuf *out, const struct gguf *gguf, const char *path,
                struct error *err);
int gguf_generation_config(struct strbuf *out, const struct gguf *gguf,
                           const char *path, struct error *err);

#endif
