/*
 * odds_codec.h - token odds as bytes: what the inspector shows, kept on disk
 *
 * A token is  varint id, f32 logprob, f32 entropy, varint rank,
 * f32 sampled_prob, u8 n_top, and n_top times  varint id, f32 logprob,
 * u8 cut (bit 6: penalised, 7: a probability follows), [f32 sampled_prob].
 * Little endian; varints of 7 bits a byte, low bits first (LEB128).  Floats are
 * kept whole: a resumed conversation shows the very numbers it showed before.
 * With 20 candidates of which 5 are kept a token takes about 190 bytes.
 */
#ifndef CONFAB_ODDS_CODEC_H
#define CONFAB_ODDS_CODEC_H

#include <stddef.h>

struct message;
struct strbuf;
struct token_odds;

void odds_encode(struct strbuf *out, const struct token_odds *odds, size_t n);

/* Appends the odds in bytes to the message.  -1 where the bytes are damaged;
 * what came before the damage is kept. */
int odds_decode(struct message *m, const void *bytes, size_t len);

#endif
