/* SPDX-License-Identifier: MIT */
#include "devices/registry.h"

#include <stdlib.h>
#include <string.h>

#include "devices/device_internal.h"
#include "devices/hotplug.h"
#include "devices/prober.h"
#include "protocol/log.h"
#include "protocol/text.h"

struct entry {
	struct device *device;
	const struct driver *scanner; /* who found it: not always its driver */
	bool seen;                    /* by the scan that runs */
};

struct registry {
	struct uv_loop_s *loop;
	const struct driver *const *drivers;
	const struct driver_env *env;
	struct registry_calls calls;
	struct device_calls device_calls;
	struct hotplug *hotplug;
	struct prober *prober;
	struct entry *entries; /* in the order of their indices */
	size_t count, cap;
	size_t ending; /* devices out of the table whose worker has not ended */
	unsigned next_index;
	const struct driver *scanning;
	bool scan_again, closing;
	void (*closed)(void *arg);
	void *closed_arg;
};

static struct entry *entry_find(struct registry *r, const struct driver *driver, const char *serial)
{
	for (size_t i = 0; i < r->count; i++) {
		struct device *d = r->entries[i].device;
		if (device_driver(d) == driver && !strcmp(device_info(d)->serial, serial))
			return &r->entries[i];
	}
	return NULL;
}

static bool entry_reserve(struct registry *r)
{
	size_t cap = r->cap ? 2 * r->cap : 8;

	if (r->count < r->cap)
		return true;
	struct entry *bigger = realloc(r->entries, cap * sizeof(*bigger));
	if (!bigger)
		return false;
	r->entries = bigger;
	r->cap = cap;
	return true;
}

static unsigned entry_index(struct registry *r, const struct driver *driver,
			    const struct device_info *info)
{
	return r->calls.index ? r->calls.index(r->calls.arg, driver, info) : r->next_index++;
}

/* There is room. */
static void entry_insert(struct registry *r, struct device *d, const struct driver *scanner)
{
	const struct device_info *info = device_info(d);
	unsigned index = device_index(d);
	size_t at = r->count;

	for (; at && device_index(r->entries[at - 1].device) > index; at--)
		r->entries[at] = r->entries[at - 1];
	r->entries[at] = (struct entry){.device = d, .scanner = scanner, .seen = true};
	r->count++;
	log_info("device %u: %s:%s (serial %s) is here", index, device_driver(d)->name, info->label,
		 info->serial);
	if (r->calls.arrived)
		r->calls.arrived(r->calls.arg, d);
}

/* On failure the device is said in the log and left out until the next scan. */
static void entry_add(struct registry *r, const struct device_info *info)
{
	const struct driver *driver = r->scanning;
	struct device *d;
	struct why why = {0};
	enum err e = entry_reserve(r) ? ERR_OK : ERR_NO_MEMORY;

	if (!e)
		e = device_new(&d, r->loop, driver, info, entry_index(r, driver, info),
			       &r->device_calls, &why);
	if (e)
		log_error("%s:%s cannot be used: %s", driver->name, info->label, why_text(&why, e));
	else
		entry_insert(r, d, driver);
}

static bool on_probed(void *arg, struct device *d, const struct driver *scanner,
		      const struct probe *probe)
{
	struct registry *r = arg;
	const struct device_info *info = &probe->info;
	const struct entry *same = entry_find(r, probe->driver, info->serial);

	if (same) {
		log_warn("%s: %s:%s is at %s already", info->where, probe->driver->name,
			 info->label, device_info(same->device)->where);
		return false;
	}
	if (!entry_reserve(r)) {
		log_error("%s: out of memory", info->where);
		return false;
	}
	device_identify(d, probe, entry_index(r, probe->driver, info));
	entry_insert(r, d, scanner);
	return true;
}

static void device_drop(void *arg, struct device *d, enum err reason)
{
	struct registry *r = arg;

	r->ending++;
	device_close(d, reason);
}

static bool entry_is(const struct registry *r, const struct device *d)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->entries[i].device == d)
			return true;
	return false;
}

static void entry_remove(struct registry *r, struct device *d, enum err reason)
{
	for (size_t i = 0; i < r->count; i++) {
		if (r->entries[i].device != d)
			continue;
		r->count--;
		memmove(&r->entries[i], &r->entries[i + 1], (r->count - i) * sizeof(r->entries[0]));
		break;
	}
	if (reason == ERR_DEVICE_GONE) {
		log_info("device %u: %s:%s (serial %s) has gone", device_index(d),
			 device_driver(d)->name, device_info(d)->label, device_info(d)->serial);
		if (r->calls.left)
			r->calls.left(r->calls.arg, d);
	}
	device_drop(r, d, reason);
}

static void on_place(struct registry *r, const struct device_info *info)
{
	for (size_t i = 0; i < r->count; i++) {
		struct entry *entry = &r->entries[i];
		if (entry->scanner != r->scanning ||
		    strcmp(device_info(entry->device)->where, info->where) != 0)
			continue;
		entry->seen = true;
		if (device_info(entry->device)->env != info->env) {
			struct device_info now = *device_info(entry->device);
			now.env = info->env;
			device_set_info(entry->device, &now);
		}
		return;
	}
	prober_place(r->prober, r->scanning, info);
}

static void on_found(void *arg, const struct device_info *info)
{
	struct registry *r = arg;
	struct entry *entry = entry_find(r, r->scanning, info->serial);

	if (r->closing)
		return;
	if (!info->serial[0]) {
		on_place(r, info);
	} else if (!entry) {
		entry_add(r, info);
	} else if (entry->seen) {
		log_warn("%s:%s has the serial of %s:%s (a copy?) and is left out",
			 r->scanning->name, info->label, r->scanning->name,
			 device_info(entry->device)->label);
	} else {
		entry->seen = true;
		device_set_info(entry->device, info);
	}
}

static void scan_driver(struct registry *r, const struct driver *driver)
{
	for (size_t i = 0; i < r->count; i++)
		r->entries[i].seen = false;
	r->scanning = driver;
	prober_begin(r->prober, driver);
	enum err e = driver->scan(r->env, on_found, r);
	if (e) {
		log_warn("cannot look for %s devices: %s", driver->name, err_text(e));
		return;
	}
	for (size_t i = 0; i < r->count && !r->closing;) {
		struct device *d = r->entries[i].device;
		if (r->entries[i].scanner == driver && !r->entries[i].seen) {
			entry_remove(r, d, ERR_DEVICE_GONE);
		} else {
			i++;
		}
	}
	if (!r->closing)
		prober_end(r->prober, driver);
}

void registry_scan(struct registry *r)
{
	/* From inside arrived() or left(): once more when this scan has ended. */
	r->scan_again = true;
	if (r->scanning)
		return;
	while (r->scan_again && !r->closing) {
		r->scan_again = false;
		for (const struct driver *const *d = r->drivers; *d && !r->closing; d++)
			scan_driver(r, *d);
	}
	r->scanning = NULL;
}

void registry_set_env(struct registry *r, const struct driver_env *env)
{
	r->env = env;
	registry_scan(r);
}

static void on_hotplug(void *arg)
{
	registry_scan(arg);
}

static void on_changed(void *arg, struct device *d)
{
	struct registry *r = arg;
	if (r->calls.changed && entry_is(r, d))
		r->calls.changed(r->calls.arg, d);
}

static void on_renamed(void *arg, struct device *d)
{
	struct registry *r = arg;
	const struct device_info *info = device_info(d);

	if (!entry_is(r, d))
		return;
	log_info("device %u: %s:%s (serial %s) is called so now, %s", device_index(d),
		 device_driver(d)->name, info->label, info->serial, info->about);
	if (r->calls.index) /* what is recorded of it follows */
		r->calls.index(r->calls.arg, device_driver(d), info);
}

/* Gone as far as the driver can tell; when it is still there, or there again, it comes back new. */
static void on_lost(void *arg, struct device *d)
{
	struct registry *r = arg;
	if (!entry_is(r, d)) /* it was only asked who it is */
		return;
	entry_remove(r, d, ERR_DEVICE_GONE);
	registry_scan(r);
}

static void registry_end(struct registry *r)
{
	if (!r->closing || r->hotplug || r->prober || r->ending)
		return;
	void (*closed)(void *) = r->closed;
	void *arg = r->closed_arg;
	free(r->entries);
	free(r);
	closed(arg);
}

static void on_ended(void *arg, struct device *d)
{
	struct registry *r = arg;
	(void)d;
	r->ending--;
	registry_end(r);
}

static void on_hotplug_closed(void *arg)
{
	struct registry *r = arg;
	r->hotplug = NULL;
	registry_end(r);
}

static void on_prober_closed(void *arg)
{
	struct registry *r = arg;
	r->prober = NULL;
	registry_end(r);
}

enum err registry_new(struct registry **out, struct uv_loop_s *loop,
		      const struct driver *const *drivers, const struct driver_env *env,
		      const struct registry_calls *calls, struct why *why)
{
	struct registry *r = calloc(1, sizeof(*r));
	if (!r)
		return why_set(why, ERR_NO_MEMORY, "out of memory for the devices");
	r->loop = loop;
	r->drivers = drivers;
	r->env = env;
	r->calls = *calls;
	r->device_calls = (struct device_calls){
		.changed = on_changed,
		.renamed = on_renamed,
		.lost = on_lost,
		.ended = on_ended,
		.arg = r,
	};
	const struct prober_calls prober_calls = {
		.found = on_probed,
		.drop = device_drop,
		.device_calls = &r->device_calls,
		.arg = r,
	};
	enum err e = prober_new(&r->prober, loop, &prober_calls, why);
	if (!e)
		e = hotplug_new(&r->hotplug, loop, drivers, env, on_hotplug, r, why);
	if (e) /* out of memory; what was made is in the loop's hands */
		return e;
	*out = r; /* arrived() may want it */
	registry_scan(r);
	return ERR_OK;
}

void registry_close(struct registry *r, void (*closed)(void *arg), void *arg)
{
	if (r->closing)
		return;
	r->closing = true;
	r->closed = closed;
	r->closed_arg = arg;
	hotplug_close(r->hotplug, on_hotplug_closed);
	prober_close(r->prober, on_prober_closed);
	while (r->count)
		entry_remove(r, r->entries[0].device, ERR_SHUTDOWN);
}

struct device *registry_next(struct registry *r, const struct device *after)
{
	if (!after)
		return r->count ? r->entries[0].device : NULL;
	for (size_t i = 0; i + 1 < r->count; i++)
		if (r->entries[i].device == after)
			return r->entries[i + 1].device;
	return NULL;
}

size_t registry_count(const struct registry *r)
{
	return r->count;
}

const char *registry_trouble(const struct registry *r, size_t i)
{
	return prober_trouble(r->prober, i);
}

bool registry_matches(const struct device *d, const char *selector)
{
	const struct device_info *info = device_info(d);
	const char *name = device_driver(d)->name, *colon = strchr(selector, ':');
	uint32_t index;

	if (colon)
		return (size_t)(colon - selector) == strlen(name) &&
		       !strncmp(selector, name, strlen(name)) &&
		       (!strcmp(colon + 1, info->label) || !strcmp(colon + 1, info->serial));
	return !strcmp(selector, info->serial) ||
	       (text_to_u32(selector, 0, UINT32_MAX, &index) && index == device_index(d));
}

static enum err find_none(struct registry *r, const char *selector, struct why *why)
{
	char list[WHY_MAX];
	struct wbuf w = wbuf_new(list, sizeof(list) - 1);

	if (registry_trouble(r, 0))
		return why_set(why, ERR_NO_DEVICE, "no device \"%s\"; %s", selector,
			       registry_trouble(r, 0));
	if (!r->count)
		return why_set(why, ERR_NO_DEVICE,
			       "no device \"%s\": none is there (`lanyard soft init` makes one, "
			       "`lanyard soft "
			       "list` says why one is not used)",
			       selector);
	for (size_t i = 0; i < r->count && wbuf_ok(&w); i++) {
		const struct device *d = r->entries[i].device;
		wbuf_printf(&w, "%s%u = %s:%s", i ? ", " : "", device_index(d),
			    device_driver(d)->name, device_info(d)->label);
	}
	list[w.n] = '\0';
	return why_set(why, ERR_NO_DEVICE, "no device \"%s\"; there is %s", selector, list);
}

static enum err find_several(struct registry *r, const char *selector, struct why *why)
{
	char list[WHY_MAX];
	struct wbuf w = wbuf_new(list, sizeof(list) - 1);

	for (size_t i = 0; i < r->count && wbuf_ok(&w); i++) {
		const struct device *d = r->entries[i].device;
		if (registry_matches(d, selector))
			wbuf_printf(&w, " %s:%s", device_driver(d)->name, device_info(d)->serial);
	}
	list[w.n] = '\0';
	return why_set(why, ERR_AMBIGUOUS, "several devices match \"%s\":%s", selector, list);
}

enum err registry_find(struct registry *r, const char *selector, struct device **out,
		       struct why *why)
{
	struct device *found = NULL;

	for (size_t i = 0; i < r->count; i++) {
		if (!registry_matches(r->entries[i].device, selector))
			continue;
		if (found)
			return find_several(r, selector, why);
		found = r->entries[i].device;
	}
	if (!found)
		return find_none(r, selector, why);
	*out = found;
	return ERR_OK;
}
