/* SPDX-License-Identifier: MIT */
/* Protocol buffers as the two firmwares read and write them: fixed structs, table driven, no
 * allocation. Nothing here is shared with the driver under test. */
#ifndef EMULATOR_PB_H
#define EMULATOR_PB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PB_OUT_MAX = 4096, PB_PATH_MAX = 8 };

struct pb_out {
	size_t len;
	uint8_t data[PB_OUT_MAX];
};

/* Appends; too much is a bug of the emulator and aborts it. */
void pb_put_uint(struct pb_out *out, uint32_t field, uint32_t value);
void pb_put_bytes(struct pb_out *out, uint32_t field, const void *data, size_t len);
void pb_put_string(struct pb_out *out, uint32_t field, const char *text);

enum pb_kind { PB_UINT32, PB_BOOL, PB_STRING, PB_BYTES, PB_PATH, PB_MESSAGE };

/* What a field is decoded into: uint32_t, bool, char[max + 1], struct { uint16_t len; uint8_t
 * data[max]; }, struct pb_path, or the struct of `sub`. `has` is the offset of a bool. */
struct pb_path {
	uint32_t count;
	uint32_t n[PB_PATH_MAX];
};

struct pb_field {
	uint8_t number;
	enum pb_kind kind;
	bool required;
	uint16_t max;
	uint16_t at, has;
	const struct pb_desc *sub;
};

struct pb_desc {
	size_t count;
	const struct pb_field *fields;
};

/* Where the firmwares' decoders differ. */
struct pb_dialect {
	bool utf8;          /* text must be valid UTF-8 */
	bool zero_tag_ends; /* a zero tag ends the message (KeepKey) instead of being an error */
};

/* Decodes into `to`, which the caller has zeroed. NULL, or the firmware's word for what is wrong.
 */
const char *pb_decode(const struct pb_desc *desc, const struct pb_dialect *dialect,
		      const uint8_t *data, size_t len, void *to);

#endif
