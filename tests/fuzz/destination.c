/* SPDX-License-Identifier: MIT */
/* agent/destination.h: text, added to a list in two parts (at the first newline). */
#include "fuzz.h"

#include "agent/destination.h"

/* Nothing in it can be taken for something else, by a list, a config, a line or known_hosts. */
static void check_one(const struct destination *d)
{
	char text[DESTINATION_TEXT_MAX + 1], again[DESTINATION_TEXT_MAX + 1];
	struct destination same;

	CHECK(d->host[0] != '\0' && d->host[0] != '-' && d->from[0] != '-');
	CHECK(strpbrk(d->host, " ,\"'\\%@<>|!#$ABCXYZ") == NULL);
	CHECK(strpbrk(d->from, " ,\"'\\%@<>|!#$ABCXYZ") == NULL);
	CHECK(strpbrk(d->user, " ,\"'\\%>$") == NULL);
	destination_text(text, d);
	CHECK(destination_parse(&same, (struct slice){(uint8_t *)text, strlen(text)}, NULL) ==
	      ERR_OK);
	CHECK(memcmp(&same, d, sizeof(same)) == 0);
	destination_text(again, &same);
	CHECK(strcmp(text, again) == 0);
}

static void check_list(const char *list)
{
	size_t count = 0, n = 0;
	const char *next = list;
	struct destination d;
	char text[DESTINATION_TEXT_MAX + 1], *copy = NULL;

	CHECK(destinations_within(list, list) && destinations_within(list, NULL));
	while (destinations_next(&next, &d)) {
		check_one(&d);
		destination_text(text, &d);
		CHECK(destinations_within(text, list));
		n += strlen(text) + (count > 0);
		count++;
	}
	CHECK(count <= DESTINATION_COUNT_MAX);
	if (list == NULL)
		return;
	CHECK(count > 0 && n == strlen(list) && !destinations_within(NULL, list));
	CHECK(destinations_within(list, text) == (count == 1));
	CHECK(destinations_add(&copy, list, NULL) == ERR_OK && strcmp(copy, list) == 0);
	free(copy);
}

static void add(char **list, const char *text)
{
	char *before = *list != NULL ? strdup(*list) : NULL;
	struct why why = {0};
	enum err e = destinations_add(list, text, &why);

	fuzz_check_why(e, &why);
	CHECK(e == ERR_OK || e == ERR_INVALID || e == ERR_TOO_LARGE);
	if (e != ERR_OK)
		CHECK(before == NULL ? *list == NULL : strcmp(before, *list) == 0);
	else
		CHECK(*list != NULL && (before == NULL || destinations_within(before, *list)));
	check_list(*list);
	free(before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = fuzz_copy(data, size);
	char *text = strndup((const char *)data, size), *list = NULL, *more;
	struct destination d;
	struct why why = {0};
	enum err e = destination_parse(&d, (struct slice){copy, size}, &why);

	fuzz_check_why(e, &why);
	if (e == ERR_OK)
		check_one(&d);
	CHECK(text != NULL);
	more = strchr(text, '\n');
	if (more != NULL)
		*more++ = '\0';
	add(&list, text);
	if (more != NULL)
		add(&list, more);
	free(list);
	free(text);
	free(copy);
	return 0;
}
