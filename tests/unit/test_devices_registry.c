/* SPDX-License-Identifier: MIT */
/* devices/registry.c and hotplug.c: arrival, change, departure, order, selectors. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "derive/secret.h"
#include "devices/registry.h"

enum { INFO_MAX = 4 };

/* What the scan of a driver finds. */
struct bus {
	struct device_info infos[INFO_MAX];
	size_t count;
	enum err error;
};
static struct bus bus_a, bus_b;

static enum err scan(const struct bus *bus,
		     void (*found)(void *arg, const struct device_info *info), void *arg)
{
	for (size_t i = 0; i < bus->count; i++)
		found(arg, &bus->infos[i]);
	return bus->error;
}

static enum err scan_a(const struct driver_env *env,
		       void (*found)(void *arg, const struct device_info *info), void *arg)
{
	(void)env;
	return scan(&bus_a, found, arg);
}

static unsigned opens, closes, scans_b;

static enum err scan_b(const struct driver_env *env,
		       void (*found)(void *arg, const struct device_info *info), void *arg)
{
	(void)env;
	scans_b++;
	return scan(&bus_b, found, arg);
}

static enum err open_any(void **self, const struct device_info *info, struct why *why)
{
	(void)info, (void)why;
	*self = &opens;
	opens++;
	return ERR_OK;
}

static void close_any(void *self)
{
	(void)self;
	closes++;
}

static enum err run_any(void *self, struct job *job)
{
	(void)self, (void)job;
	return ERR_OK;
}

static const struct driver driver_a = {.name = "alpha",
				       .ops = 1u << OP_UNLOCK,
				       .scan = scan_a,
				       .open = open_any,
				       .close = close_any,
				       .run = run_any};
static const struct driver driver_b = {.name = "beta",
				       .ops = 1u << OP_UNLOCK,
				       .dir = "beta",
				       .scan = scan_b,
				       .open = open_any,
				       .close = close_any,
				       .run = run_any};
static const struct driver *const drivers[] = {&driver_a, &driver_b, NULL};

static uv_loop_t loop;
static struct registry *registry;
static char dir[] = "/tmp/lanyard-registry-XXXXXX";
static struct driver_env env = {.data_dir = dir};
static unsigned arrived, left;
static bool closed;
static struct why why;

static void on_arrived(void *arg, struct device *d)
{
	(void)arg, (void)d;
	arrived++;
}

static void on_left(void *arg, struct device *d)
{
	(void)arg, (void)d;
	left++;
}

static void on_closed(void *arg)
{
	(void)arg;
	closed = true;
}

/* Indices that the caller remembers: the number after the serial's first letter. */
static unsigned on_index(void *arg, const struct driver *driver, const struct device_info *info)
{
	(void)arg, (void)driver;
	return (unsigned)atoi(info->serial + 1);
}

static void add(struct bus *bus, const char *serial, const char *label, const char *where)
{
	struct device_info *info = &bus->infos[bus->count++];
	*info = (struct device_info){0};
	strcpy(info->serial, serial);
	strcpy(info->label, label);
	strcpy(info->where, where);
}

static void start(unsigned (*index)(void *, const struct driver *, const struct device_info *))
{
	const struct registry_calls calls = {
		.index = index, .arrived = on_arrived, .left = on_left};
	cr_assert_eq(registry_new(&registry, &loop, drivers, &env, &calls, &why), ERR_OK, "%s",
		     why.text);
}

static void setup(void)
{
	cr_assert_eq(secret_start(&why), ERR_OK);
	cr_assert_not_null(mkdtemp(dir));
	cr_assert_eq(uv_loop_init(&loop), 0);
}

static void teardown(void)
{
	char command[64];
	registry_close(registry, on_closed, NULL);
	registry_close(registry, on_closed, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert(closed);
	cr_assert_eq(uv_loop_close(&loop), 0);
	cr_assert_eq(opens, closes);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(devices_registry, .init = setup, .fini = teardown, .timeout = 30);

static struct device *find(const char *selector, enum err want)
{
	struct device *d = NULL;
	why.text[0] = '\0';
	enum err e = registry_find(registry, selector, &d, &why);
	cr_assert_eq(e, want, "%s: %s (%s)", selector, err_word(e), why.text);
	return d;
}

Test(devices_registry, order_is_by_index)
{
	unsigned last = 0;
	add(&bus_a, "s7", "x", "1");
	add(&bus_a, "s3", "y", "2");
	add(&bus_b, "s5", "z", "3");
	start(on_index);
	cr_assert_eq(registry_count(registry), 3);
	for (struct device *d = NULL; (d = registry_next(registry, d));) {
		cr_assert_gt(device_index(d), last);
		last = device_index(d);
	}
	cr_assert_eq(last, 7);
}

Test(devices_registry, indices_are_not_used_twice)
{
	add(&bus_a, "s1", "x", "1");
	add(&bus_a, "s2", "y", "2");
	start(NULL);
	cr_assert_eq(device_index(find("s2", ERR_OK)), 1);
	bus_a.count = 1;
	registry_scan(registry);
	cr_assert_eq(left, 1);
	add(&bus_a, "s3", "y", "2");
	registry_scan(registry);
	cr_assert_eq(device_index(find("s3", ERR_OK)), 2);
	cr_assert_eq(arrived, 3);
}

Test(devices_registry, selectors)
{
	add(&bus_a, "1234", "token", "1");
	add(&bus_a, "99", "other", "2");
	add(&bus_b, "1234", "token", "3");
	start(NULL);
	cr_assert_eq(device_index(find("0", ERR_OK)), 0);
	cr_assert_str_eq(device_info(find("99", ERR_OK))->label, "other");
	cr_assert_eq(device_driver(find("beta:token", ERR_OK)), &driver_b);
	cr_assert_eq(device_driver(find("alpha:1234", ERR_OK)), &driver_a);
	find("1234", ERR_AMBIGUOUS);
	cr_assert_not_null(strstr(why.text, ": alpha:1234 beta:1234"), "%s", why.text);
	static const char *const wrong[] = {"3", "token",  "alph:token", "alpha", "alphax:token",
					    "",  "alpha:", "00",         "-1",    "gamma:token"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		find(wrong[i], ERR_NO_DEVICE);
	cr_assert_not_null(strstr(why.text, "1 = alpha:other"), "%s", why.text);
}

/* An index that is also a serial is no reason to take the first. */
Test(devices_registry, index_or_serial)
{
	add(&bus_a, "1", "x", "1");
	add(&bus_a, "s2", "y", "2");
	start(NULL);
	find("1", ERR_AMBIGUOUS);
}

Test(devices_registry, same_label_twice)
{
	add(&bus_a, "s1", "same", "1");
	add(&bus_a, "s2", "same", "2");
	start(NULL);
	find("alpha:same", ERR_AMBIGUOUS);
	cr_assert_not_null(strstr(why.text, ": alpha:s1 alpha:s2"), "%s", why.text);
}

Test(devices_registry, copies_of_a_serial_are_left_out)
{
	add(&bus_a, "s1", "first", "1");
	add(&bus_a, "s1", "second", "2");
	start(NULL);
	cr_assert_eq(registry_count(registry), 1);
	cr_assert_str_eq(device_info(find("s1", ERR_OK))->label, "first");
}

Test(devices_registry, scan_error_takes_nothing_away)
{
	add(&bus_a, "s1", "x", "1");
	start(NULL);
	bus_a.count = 0;
	bus_a.error = ERR_IO;
	registry_scan(registry);
	cr_assert_eq(registry_count(registry), 1);
	cr_assert_eq(left, 0);
}

static unsigned dones;
static void on_done(struct job *job, enum err e)
{
	(void)job;
	cr_assert_eq(e, ERR_OK);
	dones++;
}

static void unlock(struct device *d, unsigned nth)
{
	static struct job job;
	job = (struct job){.op = OP_UNLOCK, .done = on_done};
	cr_assert_eq(device_submit(d, &job), ERR_OK);
	while (dones < nth)
		uv_run(&loop, UV_RUN_ONCE);
}

/* Another place: the same device, but its handle is opened anew, and locked until then. */
Test(devices_registry, changed_label_and_place)
{
	add(&bus_a, "s1", "old", "1");
	start(NULL);
	struct device *d = find("s1", ERR_OK);
	unlock(d, 1);
	cr_assert_eq(device_state(d), DEVICE_READY);
	bus_a.count = 0;
	add(&bus_a, "s1", "new", "1");
	registry_scan(registry);
	cr_assert_eq(find("alpha:new", ERR_OK), d);
	unlock(d, 2);
	cr_assert_eq(opens, 1);
	bus_a.count = 0;
	add(&bus_a, "s1", "new", "2");
	registry_scan(registry);
	while (device_state(d) != DEVICE_LOCKED)
		uv_run(&loop, UV_RUN_ONCE);
	unlock(d, 3);
	cr_assert_eq(opens, 2);
	cr_assert_eq(left, 0);
}

static void rescan_from_arrived(void *arg, struct device *d)
{
	(void)arg, (void)d;
	arrived++;
	registry_scan(registry);
}

static void rescan_from_left(void *arg, struct device *d)
{
	(void)arg, (void)d;
	left++;
	registry_scan(registry);
}

Test(devices_registry, scan_from_inside_a_call)
{
	const struct registry_calls calls = {.arrived = rescan_from_arrived,
					     .left = rescan_from_left};
	add(&bus_a, "s1", "x", "1");
	add(&bus_a, "s2", "y", "2");
	cr_assert_eq(registry_new(&registry, &loop, drivers, &env, &calls, &why), ERR_OK);
	cr_assert_eq(arrived, 2);
	bus_a.count = 0;
	registry_scan(registry);
	cr_assert_eq(left, 2);
	cr_assert_eq(registry_count(registry), 0);
}

/* Turns the loop until the directory was looked at `n` times, 5 s at most. */
static void wait_scans(unsigned n)
{
	for (int i = 0; scans_b < n; i++) {
		cr_assert_lt(i, 5000, "the change went unnoticed");
		uv_run(&loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
}

Test(devices_registry, directory_is_made_and_watched)
{
	char path[64], file[80];
	struct stat st;
	start(NULL);
	cr_assert_eq(scans_b, 1);
	snprintf(path, sizeof(path), "%s/beta", dir);
	snprintf(file, sizeof(file), "%s/x", path);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0700);

	add(&bus_b, "s1", "x", "1");
	for (int i = 0; i < 50; i++)
		close(open(file, O_CREAT | O_WRONLY | O_TRUNC, 0600));
	wait_scans(2);
	cr_assert_eq(arrived, 1);
	cr_assert_leq(scans_b, 3, "debounced");

	/* Removed and made again, it is still watched. */
	unsigned n = scans_b;
	cr_assert_eq(unlink(file), 0);
	cr_assert_eq(rmdir(path), 0);
	wait_scans(n + 1);
	usleep(100 * 1000);
	uv_run(&loop, UV_RUN_NOWAIT);
	n = scans_b;
	bus_b.count = 0;
	close(open(file, O_CREAT | O_WRONLY | O_TRUNC, 0600));
	wait_scans(n + 1);
	cr_assert_eq(left, 1);
}
