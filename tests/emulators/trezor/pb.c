/* SPDX-License-Identifier: MIT */
#include "tests/emulators/trezor/pb.h"

#include <stdlib.h>
#include <string.h>

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_LENGTH = 2, WIRE_FIXED32 = 5 };

static const char e_end[] = "end-of-stream";

static void put_byte(struct pb_out *out, uint8_t byte)
{
	if (out->len == sizeof(out->data))
		abort();
	out->data[out->len++] = byte;
}

static void put_varint(struct pb_out *out, uint32_t value)
{
	for (; value > 0x7f; value >>= 7)
		put_byte(out, (uint8_t)(value | 0x80));
	put_byte(out, (uint8_t)value);
}

void pb_put_uint(struct pb_out *out, uint32_t field, uint32_t value)
{
	put_varint(out, field << 3 | WIRE_VARINT);
	put_varint(out, value);
}

void pb_put_bytes(struct pb_out *out, uint32_t field, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	put_varint(out, field << 3 | WIRE_LENGTH);
	put_varint(out, (uint32_t)len);
	for (size_t i = 0; i < len; i++)
		put_byte(out, bytes[i]);
}

void pb_put_string(struct pb_out *out, uint32_t field, const char *text)
{
	pb_put_bytes(out, field, text, strlen(text));
}

/* The unread rest of a message. */
struct in {
	const uint8_t *data;
	size_t len;
};

static const char *get_varint(struct in *in, uint64_t *value)
{
	*value = 0;
	for (unsigned shift = 0;; shift += 7) {
		if (in->len == 0)
			return e_end;
		if (shift > 63)
			return "varint overflow";
		uint8_t byte = *in->data++;
		in->len--;
		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return NULL;
	}
}

static const char *get_uint32(struct in *in, uint32_t *value)
{
	uint64_t wide;
	const char *error = get_varint(in, &wide);

	if (error)
		return error;
	if (wide > UINT32_MAX)
		return "integer too large";
	*value = (uint32_t)wide;
	return NULL;
}

/* A length and what it covers; `in` moves past it. */
static const char *get_part(struct in *in, struct in *part, const char *too_short)
{
	uint32_t len;
	const char *error = get_uint32(in, &len);

	if (error)
		return error;
	if (len > in->len)
		return too_short;
	*part = (struct in){in->data, len};
	in->data += len;
	in->len -= len;
	return NULL;
}

/* Valid UTF-8 up to the first NUL: the firmware looks at a C string. */
static bool utf8_valid(const char *text)
{
	const uint8_t *s = (const uint8_t *)text;

	while (*s) {
		uint32_t c = *s++, least = 0;
		int more = c < 0x80       ? 0
			   : c >> 5 == 6  ? 1
			   : c >> 4 == 14 ? 2
			   : c >> 3 == 30 ? 3
					  : -1;

		if (more < 0)
			return false;
		if (more > 0) {
			c &= 0x3fu >> more;
			least = more == 1 ? 0x80 : more == 2 ? 0x800 : 0x10000;
		}
		for (int i = 0; i < more; i++, s++) {
			if (*s >> 6 != 2)
				return false;
			c = c << 6 | (*s & 0x3f);
		}
		if (c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
			return false;
	}
	return true;
}

static const char *skip(struct in *in, uint32_t wire)
{
	uint64_t ignored;
	struct in part;
	size_t fixed = wire == WIRE_FIXED64 ? 8 : 4;

	switch (wire) {
	case WIRE_VARINT:
		return get_varint(in, &ignored);
	case WIRE_LENGTH:
		return get_part(in, &part, e_end);
	case WIRE_FIXED64:
	case WIRE_FIXED32:
		if (in->len < fixed)
			return e_end;
		in->data += fixed;
		in->len -= fixed;
		return NULL;
	default:
		return "invalid wire_type";
	}
}

static const char *get_text(struct in *in, const struct pb_field *field, bool utf8, char *to)
{
	struct in peek = *in, part;
	uint32_t len;
	const char *error = get_uint32(&peek, &len);

	if (error)
		return error;
	if (len > field->max)
		return field->kind == PB_STRING ? "string overflow" : "bytes overflow";
	error = get_part(in, &part, e_end);
	if (error)
		return error;
	if (field->kind == PB_BYTES) {
		uint16_t size = (uint16_t)part.len;

		memcpy(to, &size, sizeof(size));
		memcpy(to + sizeof(size), part.data, part.len);
		return NULL;
	}
	memcpy(to, part.data, part.len);
	to[part.len] = '\0';
	return utf8 && !utf8_valid(to) ? "invalid utf8" : NULL;
}

static const char *get_path(struct in *in, uint32_t wire, struct pb_path *path)
{
	struct in packed;
	const char *error = NULL;

	if (wire == WIRE_VARINT) {
		if (path->count == PB_PATH_MAX)
			return "array overflow";
		return get_uint32(in, &path->n[path->count++]);
	}
	error = get_part(in, &packed, "parent stream too short");
	while (!error && packed.len > 0) {
		if (path->count == PB_PATH_MAX)
			return "array overflow";
		error = get_uint32(&packed, &path->n[path->count++]);
	}
	return error;
}

static const char *get_field(struct in *in, const struct pb_field *field, uint32_t wire,
			     const struct pb_dialect *dialect, uint8_t *to)
{
	bool length = field->kind == PB_STRING || field->kind == PB_BYTES ||
		      field->kind == PB_MESSAGE;
	uint64_t wide;
	uint32_t value;
	struct in part;
	const char *error;

	if (wire != (length ? WIRE_LENGTH : WIRE_VARINT) &&
	    !(field->kind == PB_PATH && wire == WIRE_LENGTH))
		return "wrong wire type";
	switch (field->kind) {
	case PB_UINT32:
		error = get_uint32(in, &value);
		memcpy(to + field->at, &value, sizeof(value));
		return error;
	case PB_BOOL:
		error = get_varint(in, &wide);
		*(bool *)(to + field->at) = wide != 0;
		return error;
	case PB_STRING:
	case PB_BYTES:
		return get_text(in, field, dialect->utf8, (char *)to + field->at);
	case PB_PATH:
		return get_path(in, wire, (struct pb_path *)(void *)(to + field->at));
	case PB_MESSAGE:
		error = get_part(in, &part, "parent stream too short");
		return error ? error
			     : pb_decode(field->sub, dialect, part.data, part.len, to + field->at);
	}
	return NULL;
}

const char *pb_decode(const struct pb_desc *desc, const struct pb_dialect *dialect,
		      const uint8_t *data, size_t len, void *to)
{
	struct in in = {data, len};
	uint8_t *base = to;

	while (in.len > 0) {
		const struct pb_field *field = NULL;
		uint32_t tag;
		const char *error = get_uint32(&in, &tag);

		if (error)
			return error;
		if (tag == 0 && dialect->zero_tag_ends)
			break;
		if (tag == 0)
			return "zero tag";
		for (size_t i = 0; i < desc->count && !field; i++)
			if (desc->fields[i].number == tag >> 3)
				field = &desc->fields[i];
		error = field ? get_field(&in, field, tag & 7, dialect, base) : skip(&in, tag & 7);
		if (error)
			return error;
		if (field)
			*(bool *)(base + field->has) = true;
	}
	for (size_t i = 0; i < desc->count; i++)
		if (desc->fields[i].required && !*(bool *)(base + desc->fields[i].has))
			return "missing required field";
	return NULL;
}
