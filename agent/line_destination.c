/* SPDX-License-Identifier: MIT */
/* ADD --destination, and what keys have of it. */
#include <stdlib.h>
#include <string.h>

#include "agent/destination.h"
#include "agent/line.h"

static enum err destinations_parse(struct line_conn *lc, char **out, struct why *why)
{
	const char *text = line_option(&lc->command, "destination");

	*out = NULL;
	return text != NULL ? destinations_add(out, text, why) : ERR_OK;
}

enum err line_check_destinations(struct line_conn *lc, struct why *why)
{
	const struct scheme *scheme = agent_scheme(lc->request.agent, CLASS_SSH);
	char *list;
	enum err e = destinations_parse(lc, &list, why);

	if (e == ERR_OK && list != NULL && scheme != NULL && scheme->check_destinations != NULL)
		e = scheme->check_destinations(list, why);
	free(list);
	return e;
}

enum err line_destinations(struct line_conn *lc, const struct key *key, char **out, struct why *why)
{
	enum err e = destinations_parse(lc, out, why);

	if (e == ERR_OK && *out != NULL && key->destinations != NULL &&
	    strcmp(*out, key->destinations) != 0)
		e = why_set(why, ERR_NOT_ALLOWED,
			    "%s has the destinations of its section in %s: change them there",
			    key->id.uri, lc->request.agent->config->path);
	return e;
}

void line_restrict(struct key *key, char *destinations)
{
	if (destinations == NULL)
		return;
	free(key->added_destinations);
	key->added_destinations = destinations;
}

void line_status_destinations(struct line_conn *lc, const struct key *key)
{
	const char *list = request_destinations(key);
	char text[DESTINATION_TEXT_MAX + 1];
	struct destination d;

	while (destinations_next(&list, &d)) {
		destination_text(text, &d);
		line_status(lc, "DESTINATION", text, NULL);
	}
}
