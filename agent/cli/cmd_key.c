/* SPDX-License-Identifier: MIT */
/* `lanyard pubkey`, `sign`, `ecdh` and `secret`: operations with the key of an identity. */
#include <stdlib.h>
#include <string.h>

#include "agent/cli/cli.h"
#include "agent/cli/tables.h"
#include "derive/ecc.h"
#include "derive/encode.h"
#include "derive/kdf.h"
#include "protocol/text.h"

enum { PUBLIC_TEXT_MAX = 4096 };

/* VERB, the common options, --name or --name=value when value is not NULL, the URI. */
static enum err key_command(const struct cli *cli, const char *verb, struct wbuf *w)
{
	wbuf_text(w, verb);
	cli_common(cli, w);
	if (cli_value(cli, "raw") != NULL)
		wbuf_text(w, " --raw");
	if (cli_value(cli, "ecdh") != NULL)
		wbuf_text(w, " --ecdh");
	client_option(w, "visual", cli_value(cli, "visual"));
	client_option(w, "psk-mode", cli_value(cli, "psk-mode"));
	client_word(w, cli->argv[0]);
	wbuf_u8(w, 0);
	return wbuf_ok(w) ? ERR_OK : ERR_TOO_LARGE;
}

static int key_run(struct cli *cli, const char *verb, struct slice input, struct wbuf *answer)
{
	char command[LINE_LEN_MAX + 1];
	struct wbuf w = wbuf_new(command, sizeof(command));

	if (key_command(cli, verb, &w) != ERR_OK)
		return cli_fail("the identity and the options have more than %d bytes together",
				LINE_LEN_MAX);
	return cli_run(cli, command, input, answer);
}

static int run_pubkey(struct cli *cli)
{
	char text[PUBLIC_TEXT_MAX + 1];
	struct wbuf answer = wbuf_new(text, PUBLIC_TEXT_MAX);
	int status;

	if (cli_value(cli, "ecdh") != NULL && cli_value(cli, "raw") == NULL)
		return cli_usage(cli, "--ecdh goes with --raw");
	status = key_run(cli, "PUBKEY", (struct slice){0}, &answer);
	if (status != 0)
		return status;
	if (!text_is_ascii_printable(text, answer.n))
		return cli_fail("the agent's answer is no public key");
	text[answer.n] = '\n';
	return cli_write(text, answer.n + 1);
}

/*
 * The operand that is data: hexadecimal, or the bytes of --file. free() it. Returns the exit
 * status.
 */
static int read_data(struct cli *cli, uint8_t **data, size_t *n)
{
	const char *file = cli_value(cli, "file"), *hex = cli->argv[1];
	struct why why = {0};
	enum err e;

	*data = NULL;
	if ((file != NULL) == (cli->argc > 1))
		return cli_usage(
			cli, file != NULL ? "the data is given twice: with --file and as an operand"
					  : "the data is missing: give hexadecimal, or --file");
	if (file != NULL) {
		e = cli_read_file(file, LINE_DATA_MAX, data, n, &why);
		return e == ERR_OK ? 0 : cli_error(cli, e, &why);
	}
	*data = malloc(strlen(hex) / 2 + 1);
	if (*data == NULL)
		return cli_fail("%s", err_text(ERR_NO_MEMORY));
	if (hex_decode(*data, strlen(hex) / 2, n, hex, strlen(hex)) == ERR_OK)
		return 0;
	free(*data);
	*data = NULL;
	return cli_usage(cli, "\"%.40s\" is not hexadecimal with an even number of digits", hex);
}

/* Runs VERB with the data, if `input`, and prints the answer, which has one of two lengths. */
static int run_hex(struct cli *cli, const char *verb, bool input, size_t length, size_t other)
{
	uint8_t *data = NULL, *out = secret_alloc(SHARED_MAX);
	struct wbuf answer = wbuf_new(out, SHARED_MAX);
	size_t n = 0;
	int status = 0;

	if (out == NULL)
		return cli_fail("%s", err_text(ERR_NO_MEMORY));
	if (input)
		status = read_data(cli, &data, &n);
	if (status == 0)
		status = key_run(cli, verb, (struct slice){data, n}, &answer);
	if (status == 0 && answer.n != length && answer.n != other)
		status = cli_fail("the agent's answer has %zu bytes, not %zu", answer.n, length);
	if (status == 0)
		status = cli_write_hex(out, answer.n);
	free(data);
	secret_free_mem(out);
	return status;
}

static int run_sign(struct cli *cli)
{
	return run_hex(cli, "SIGN", true, SIGNATURE_LEN, SIGNATURE_LEN);
}

static int run_ecdh(struct cli *cli)
{
	return run_hex(cli, "ECDH", true, 32, 65);
}

static int run_secret(struct cli *cli)
{
	return run_hex(cli, "SECRET", false, SECRET_LEN, SECRET_LEN);
}

#define OPTION_FILE                                                                                \
	{                                                                                          \
		"file", "FILE",                                                                    \
			"the bytes of FILE in the place of hexadecimal (-: standard input)"        \
	}
#define OPTION_END                                                                                 \
	{                                                                                          \
		NULL, NULL, NULL                                                                   \
	}

static const struct cli_option pubkey_options[] = {
	{"raw", NULL, "hexadecimal of the plain SLIP-0013 node"},
	{"ecdh", NULL, "with --raw: of the SLIP-0017 node"},
	{"psk-mode", "MODE", "the point for a WireGuard peer: device (default), agent"},
	OPTION_END,
};

static const struct cli_option sign_options[] = {
	{"visual", "TEXT", "what a display shows, and what is signed with the data"},
	OPTION_FILE,
	OPTION_END,
};

static const struct cli_option ecdh_options[] = {OPTION_FILE, OPTION_END};

const struct command cmd_key[] = {
	{
		.noun = "pubkey",
		.args = "URI",
		.min = 1,
		.max = 1,
		.help = "the public key of an identity, as its user pastes it",
		.options = pubkey_options,
		.run = run_pubkey,
	},
	{
		.noun = "sign",
		.args = "URI [DATA]",
		.min = 1,
		.max = 2,
		.help = "sign data, hexadecimal or a file",
		.options = sign_options,
		.run = run_sign,
	},
	{
		.noun = "ecdh",
		.args = "URI [POINT]",
		.min = 1,
		.max = 2,
		.help = "the shared point with another's public key",
		.options = ecdh_options,
		.run = run_ecdh,
	},
	{
		.noun = "secret",
		.args = "URI",
		.min = 1,
		.max = 1,
		.help = "32 bytes that only this device can make",
		.run = run_secret,
	},
	{.noun = NULL},
};
