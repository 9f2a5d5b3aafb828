/* SPDX-License-Identifier: MIT */
/* lanyard-agent: options, the tables of drivers and front ends, start and stop. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/autoload.h"
#include "agent/idle.h"
#include "agent/instance.h"
#include "agent/keeper.h"
#include "agent/line.h"
#include "agent/logind.h"
#include "agent/options.h"
#include "agent/passlock.h"
#include "agent/prompt.h"
#include "agent/reload.h"
#include "agent/server.h"
#include "agent/unlock.h"
#include "agent/wgkeys.h"
#include "devices/soft/soft.h"
#include "devices/soft/stretch.h"
#include "devices/trezor/trezor.h"
#include "protocol/dirs.h"
#include "protocol/log.h"
#include "protocol/streams.h"
#include "ssh/accept.h"
#include "ssh/agent.h"

static const struct driver *const drivers[] = {&soft_driver, &trezor_driver, NULL};
static const struct frontend *const frontends[] = {&line_frontend, &ssh_frontend, NULL};
static const struct scheme *const schemes[] = {&ssh_scheme, NULL};

/* Everything that lives as long as the daemon's loop. */
struct daemon {
	uv_loop_t loop;
	uv_signal_t signals[3];
	struct agent agent;
	struct autoload autoload;
	struct server *server;
	struct reloader reloader;
	char data_dir[PATH_MAX];
	bool guest; /* of a command; another agent may be there */
};

/* ---- the loop's life ---- */

static void block_signals(void)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	/* A file size limit is then an error of write(), like a full disk. */
	sigaction(SIGXFSZ, &ignore, NULL);
}

static void daemon_closed(void *arg)
{
	struct daemon *d = arg;

	/* From here on nobody handles them any more. */
	block_signals();
	waiting_close(&d->agent.waiting);
	passlock_close(&d->agent);
	idle_close(&d->agent);
	logind_close(&d->agent);
	prompter_close(d->agent.prompter);
	for (size_t i = 0; i < sizeof(d->signals) / sizeof(d->signals[0]); i++)
		uv_close((uv_handle_t *)&d->signals[i], NULL);
}

static void daemon_server_closed(void *arg)
{
	struct daemon *d = arg;

	registry_close(d->agent.registry, daemon_closed, d);
}

static void daemon_stop(void *arg)
{
	struct daemon *d = arg;

	if (d->agent.stopping)
		return;
	d->agent.stopping = true;
	reload_stop(&d->reloader);
	server_close(d->server, daemon_server_closed, d);
}

static void daemon_signal(uv_signal_t *handle, int number)
{
	struct daemon *d = handle->data;

	if (number == SIGHUP) {
		if (!d->agent.stopping)
			reload_start(&d->reloader, 0, NULL);
		return;
	}
	if (!d->agent.stopping)
		log_info("signal %d: stopping", number);
	daemon_stop(d);
}

static unsigned daemon_device_index(void *arg, const struct driver *driver,
				    const struct device_info *info)
{
	struct daemon *d = arg;

	return store_arrived(&d->agent.store, driver->name, info);
}

static void daemon_device_arrived(void *arg, struct device *device)
{
	struct daemon *d = arg;

	watch_device_arrived(&d->agent.watch, device);
	waiting_arrived(&d->agent.waiting, device);
	if (d->autoload.loaded != NULL)
		autoload_kick(&d->autoload);
}

static void daemon_device_left(void *arg, struct device *device)
{
	struct daemon *d = arg;

	wgkeys_drop_device(&d->agent, device);
	watch_device_left(&d->agent.watch, device);
	consent_forget(&d->agent, device_info(device)->serial);
}

static void daemon_device_changed(void *arg, struct device *device)
{
	struct daemon *d = arg;

	if (device_state(device) == DEVICE_LOCKED)
		wgkeys_drop_device(&d->agent, device);
	watch_device_state(&d->agent.watch, device);
	if (device_state(device) == DEVICE_READY && d->autoload.loaded != NULL)
		autoload_kick(&d->autoload);
}

static enum err daemon_start_signals(struct daemon *d, struct why *why)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		sigaddset(&set, numbers[i]);
		d->signals[i].data = d;
		if (uv_signal_init(&d->loop, &d->signals[i]) != 0 ||
		    uv_signal_start(&d->signals[i], daemon_signal, numbers[i]) != 0)
			return why_set(why, ERR_INTERNAL, "cannot handle signal %d", numbers[i]);
	}
	/* Blocked since the start: from here on a stop is clean at any moment. */
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	return ERR_OK;
}

static enum err daemon_start(struct daemon *d, struct config *config, bool level_fixed,
			     const char *dir, int keeper, struct why *why)
{
	const struct registry_calls calls = {
		.index = daemon_device_index,
		.arrived = daemon_device_arrived,
		.left = daemon_device_left,
		.changed = daemon_device_changed,
		.arg = d,
	};
	const struct driver_env *env;
	enum err e;

	if (uv_loop_init(&d->loop) != 0)
		return why_set(why, ERR_INTERNAL, "cannot make an event loop");
	d->agent.loop = &d->loop;
	d->agent.clock = &clock_system;
	d->agent.config = config;
	d->agent.schemes = schemes;
	d->agent.autoload = &d->autoload;
	secret_random(d->agent.id, sizeof(d->agent.id));
	d->agent.reloader = &d->reloader;
	if (secret_probe(64 * 1024, &d->agent.mlock) != ERR_OK)
		log_warn("%s", d->agent.mlock.text);
	e = dir_path(d->data_dir, sizeof(d->data_dir), DIR_DATA, NULL, why);
	if (e == ERR_OK)
		e = client_socket_path(d->agent.agent_socket, dir, "agent.sock", why);
	if (e == ERR_OK)
		e = client_socket_path(d->agent.ssh_socket, dir, "ssh.sock", why);
	if (e == ERR_OK)
		e = store_open(&d->agent.store, &d->agent.keys, d->guest, why);
	if (e == ERR_OK)
		e = event_log_open(&d->agent.watch.log, config->events, why);
	if (e == ERR_OK)
		e = waiting_init(&d->agent.waiting, &d->loop);
	if (e == ERR_OK)
		e = passlock_new(&d->agent);
	if (e == ERR_OK)
		e = idle_new(&d->agent, why);
	if (e == ERR_OK)
		e = prompter_new(&d->agent.prompter, &d->loop, keeper, daemon_stop, d, why);
	if (e == ERR_OK)
		e = logind_new(&d->agent, why);
	env = e == ERR_OK ? reload_init(&d->reloader, &d->agent, d->data_dir, level_fixed) : NULL;
	if (e == ERR_OK && env == NULL)
		e = ERR_NO_MEMORY;
	if (e == ERR_OK)
		e = registry_new(&d->agent.registry, &d->loop, drivers, env, &calls, why);
	if (e != ERR_OK)
		return e;
	e = server_new(&d->server, &d->agent, dir, frontends, why);
	if (e == ERR_OK)
		e = autoload_init(&d->autoload, &d->agent);
	if (e == ERR_OK)
		e = daemon_start_signals(d, why);
	if (e == ERR_OK)
		autoload_kick(&d->autoload);
	return e;
}

static const char *daemon_word(const struct options *o)
{
	return o->foreground ? "foreground" : "daemon";
}

/* Runs until a signal. `keeper` is told when clients can connect. */
static int daemon_run(const struct options *o, struct config *config, const char *dir, int keeper)
{
	struct daemon *d = calloc(1, sizeof(*d));
	struct why why = {0};
	enum err e = ERR_NO_MEMORY;

	if (d != NULL) {
		d->guest = o->command != NULL;
		e = daemon_start(d, config, o->verbose > 0, dir, keeper, &why);
	}
	if (e == ERR_OK && !o->foreground)
		instance_detach_stdio();
	if (e == ERR_OK)
		e = prompter_ready(d->agent.prompter, &why);
	if (e != ERR_OK) {
		/* The process ends: the kernel frees more surely than half-made handles would. */
		fprintf(stderr, "lanyard-agent: %s\n", why_text(&why, e));
		_exit(1);
	}
	log_info("%s ready in %s", daemon_word(o), dir);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&d->loop) != 0)
		log_error("the loop was left with open handles");
	autoload_free(&d->autoload);
	store_close(&d->agent.store);
	unlock_free(&d->agent);
	keyring_free(&d->agent.keys);
	certs_free(&d->agent.certs);
	event_log_close(&d->agent.watch.log);
	config_free(d->agent.config);
	reload_free(&d->reloader);
	free(d);
	return 0;
}

/* ---- processes ---- */

static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 4096) {
		limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* --config as given is relative to where we are started; a daemon moves to "/". */
static int config_open(const struct options *o, struct config **config)
{
	char path[PATH_MAX];
	struct why why = {0};
	enum err e;

	if (o->config != NULL && realpath(o->config, path) == NULL) {
		instance_say("%s: %s", o->config, strerror(errno));
		return 1;
	}
	e = config_load(config, o->config != NULL ? path : NULL, &why);
	if (e == ERR_OK)
		return 0;
	fprintf(stderr, "lanyard-agent: %s\n", why_text(&why, e));
	return 1;
}

/* What the processes of one start share. */
struct start {
	const struct options *options;
	struct config *config;
	struct instance *instance;
	struct launcher launcher;
	mode_t umask; /* of whoever started us, for the command */
	int pipe;     /* to the process that waits for the daemon's pid, or -1 */
};

/* The daemon's process, forked by the keeper. Locked memory is not inherited: it begins here. */
static int start_daemon(void *arg, int keeper)
{
	const struct start *s = arg;
	struct why why = {0};
	int status;

	if (secret_start(&why) != ERR_OK) {
		instance_say("%s", why.text);
		return 1;
	}
	secret_harden_process();
	raise_descriptor_limit();
	if (chdir("/") != 0) {
		instance_say("/: %s", strerror(errno));
		return 1;
	}
	status = daemon_run(s->options, s->config, s->instance->dir, keeper);
	instance_remove(s->instance); /* its keeper may be gone */
	return status;
}

/* The keeper, when clients can connect. */
static void start_ready(void *arg, pid_t daemon)
{
	struct start *s = arg;

	if (s->options->command != NULL)
		return;
	if (s->pipe < 0) {
		instance_print(s->instance, daemon, s->options->csh);
		return;
	}
	/* Cut loose from its terminal, then the first process may print and go. */
	instance_detach_stdio();
	if (write(s->pipe, &daemon, sizeof(daemon)) != sizeof(daemon))
		log_warn("the starting process went away");
	close(s->pipe);
}

/* The keeper, when the daemon has taken another config. What a person was asked about is what it
 * read: another text, by now, is not taken. */
static void start_reload(void *arg, const char *digest)
{
	struct start *s = arg;
	struct config *next;
	struct why why = {0};
	enum err e = config_reload(&next, s->config, &why);

	if (e == ERR_OK && strcmp(next->digest, digest) != 0) {
		e = why_set(&why, ERR_INVALID, "%s changed meanwhile", next->path);
		config_free(next);
	}
	if (e != ERR_OK) {
		log_warn("questions are asked as before: %s", why_text(&why, e));
		return;
	}
	config_free(s->config);
	s->config = next;
	launcher_configure(&s->launcher, next);
	if (s->options->verbose == 0)
		log_set_level(next->log);
}

/* The command's process. */
static void start_command(void *arg, pid_t daemon)
{
	const struct start *s = arg;
	char *const *command = s->options->command;
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)daemon);
	launcher_restore_signals(&s->launcher);
	umask(s->umask);
	if (setenv("LANYARD_SOCK", s->instance->agent_socket, 1) == 0 &&
	    setenv("SSH_AUTH_SOCK", s->instance->ssh_socket, 1) == 0 &&
	    setenv("LANYARD_AGENT_PID", pid, 1) == 0)
		execvp(command[0], command);
	instance_say("%s: %s", command[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static int start_keeper(struct start *s)
{
	const struct keeper_calls calls = {
		.daemon = start_daemon,
		.ready = start_ready,
		.reload = start_reload,
		.command = s->options->command != NULL ? start_command : NULL,
		.stretch = stretch_serve,
		.arg = s,
	};
	int status = keeper_run(&calls, &s->launcher, s->instance->lock);

	instance_remove(s->instance);
	return status;
}

/* Of a start that was to print something, and no more. */
static int printed(int status)
{
	struct why why = {0};

	if (streams_flush(&why) == ERR_OK || status != 0)
		return status;
	instance_say("%s", why.text);
	return 1;
}

/* Keeper and daemon in the background; returns when the daemon is ready. */
static int start_background(struct start *s)
{
	pid_t pid, daemon;
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
		instance_say("cannot start a process: %s", strerror(errno));
		return 1;
	}
	if (pid == 0) {
		close(fds[0]);
		s->pipe = fds[1];
		setsid();
		return chdir("/") == 0 ? start_keeper(s) : 1;
	}
	close(fds[1]);
	if (read(fds[0], &daemon, sizeof(daemon)) != sizeof(daemon))
		return 1; /* the child has said why */
	close(fds[0]);
	instance_print(s->instance, daemon, s->options->csh);
	return printed(0);
}

static int start(struct start *s, const sigset_t *mask)
{
	const struct options *o = s->options;
	enum log_level level = s->config->log;

	if (o->verbose > 0)
		level = o->verbose == 1 ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
	log_open("lanyard-agent", level, !o->foreground);
	launcher_init(&s->launcher, s->config, mask);
	if (!o->foreground && o->command == NULL)
		return start_background(s);
	return start_keeper(s);
}

/* Finds the place of the agent and claims it. Returns -1 to go on, else the exit status. */
static int claim(const struct options *o, struct instance *instance)
{
	struct why why = {0};
	enum err e = o->command != NULL && o->socket_dir == NULL
			     ? instance_make(instance, &why)
			     : instance_find(instance, o->socket_dir, &why);

	if (e == ERR_OK && o->kill)
		return instance_kill(instance, o->csh);
	if (e == ERR_OK)
		e = instance_claim(instance, &why);
	if (e == ERR_EXISTS)
		return instance_say_running(instance, o->foreground || o->command != NULL, o->csh);
	if (e == ERR_OK)
		return -1;
	instance_say("%s", why_text(&why, e));
	instance_remove(instance);
	return 1;
}

int main(int argc, char **argv)
{
	struct options o;
	struct instance instance;
	struct start s = {.options = &o, .instance = &instance, .pipe = -1};
	sigset_t mask;
	int status;

	if (!streams_open())
		return 1;
	status = options_parse(&o, argc, argv);
	if (status >= 0)
		return printed(status);
	s.umask = umask(077);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	block_signals();
	status = claim(&o, &instance);
	if (status >= 0)
		return printed(status);
	status = config_open(&o, &s.config);
	if (status == 0)
		status = start(&s, &mask);
	instance_remove(&instance);
	config_free(s.config);
	return status;
}
