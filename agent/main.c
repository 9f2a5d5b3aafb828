/* SPDX-License-Identifier: MIT */
/* lanyard-agent: options, the tables of drivers and front ends, start and stop. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
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
#include "agent/instance.h"
#include "agent/line.h"
#include "agent/server.h"
#include "devices/soft/soft.h"
#include "protocol/dirs.h"
#include "protocol/log.h"
#include "ssh/accept.h"
#include "ssh/agent.h"

static const struct driver *const drivers[] = {&soft_driver, NULL};
static const struct frontend *const frontends[] = {&line_frontend, &ssh_frontend, NULL};
static const struct scheme *const schemes[] = {&ssh_scheme, NULL};

struct options {
	bool foreground, kill, csh;
	int verbose;
	const char *config, *socket_dir;
};

/* Everything that lives as long as the daemon's loop. */
struct daemon {
	uv_loop_t loop;
	uv_signal_t signals[3];
	struct agent agent;
	struct autoload autoload;
	struct server *server;
	struct driver_env env;
	char data_dir[PATH_MAX];
};

static void usage(FILE *out)
{
	fputs("usage: lanyard-agent [-Dcksv] [--config FILE] [--socket-dir DIR]\n"
	      "  -D, --foreground   stay in the foreground, log to standard error\n"
	      "  -k, --kill         stop the running agent\n"
	      "  -s, --sh           print Bourne shell commands (the default, but for csh users)\n"
	      "  -c, --csh          print C shell commands\n"
	      "  -v, --verbose      log more; twice: everything\n"
	      "      --config FILE  instead of ~/.config/lanyard/lanyard.conf\n"
	      "      --socket-dir DIR   where agent.sock and ssh.sock are\n"
	      "      --help, --version\n"
	      "See lanyard-agent(1).\n",
	      out);
}

static bool shell_is_csh(void)
{
	const char *shell = getenv("SHELL");
	size_t n = shell != NULL ? strlen(shell) : 0;

	return n >= 3 && strcmp(shell + n - 3, "csh") == 0;
}

/* Returns -1 to go on, else the exit status. */
static int options_parse(struct options *o, int argc, char **argv)
{
	enum { OPT_CONFIG = 256, OPT_SOCKET_DIR, OPT_HELP, OPT_VERSION };
	static const struct option longs[] = {
		{"foreground", no_argument, NULL, 'D'},
		{"kill", no_argument, NULL, 'k'},
		{"sh", no_argument, NULL, 's'},
		{"csh", no_argument, NULL, 'c'},
		{"verbose", no_argument, NULL, 'v'},
		{"config", required_argument, NULL, OPT_CONFIG},
		{"socket-dir", required_argument, NULL, OPT_SOCKET_DIR},
		{"help", no_argument, NULL, OPT_HELP},
		{"version", no_argument, NULL, OPT_VERSION},
		{0},
	};
	int c;

	*o = (struct options){.csh = shell_is_csh()};
	while ((c = getopt_long(argc, argv, "Dkscv", longs, NULL)) != -1) {
		switch (c) {
		case 'D':
			o->foreground = true;
			break;
		case 'k':
			o->kill = true;
			break;
		case 's':
			o->csh = false;
			break;
		case 'c':
			o->csh = true;
			break;
		case 'v':
			o->verbose++;
			break;
		case OPT_CONFIG:
			o->config = optarg;
			break;
		case OPT_SOCKET_DIR:
			o->socket_dir = optarg;
			break;
		case OPT_HELP:
			usage(stdout);
			return 0;
		case OPT_VERSION:
			puts("lanyard-agent " LANYARD_VERSION);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "lanyard-agent: it takes no operands\n");
		usage(stderr);
		return 2;
	}
	return -1;
}

/* ---- the loop's life ---- */

static void daemon_closed(void *arg)
{
	struct daemon *d = arg;

	for (size_t i = 0; i < sizeof(d->signals) / sizeof(d->signals[0]); i++)
		uv_close((uv_handle_t *)&d->signals[i], NULL);
}

static void daemon_server_closed(void *arg)
{
	struct daemon *d = arg;

	registry_close(d->agent.registry, daemon_closed, d);
}

static void daemon_stop(struct daemon *d)
{
	if (d->agent.stopping)
		return;
	d->agent.stopping = true;
	server_close(d->server, daemon_server_closed, d);
}

static void daemon_signal(uv_signal_t *handle, int number)
{
	struct daemon *d = handle->data;

	if (!d->agent.stopping)
		log_info("signal %d: stopping", number);
	daemon_stop(d);
}

static void daemon_device_arrived(void *arg, struct device *device)
{
	struct daemon *d = arg;

	(void)device;
	if (d->autoload.loaded != NULL)
		autoload_kick(&d->autoload);
}

static void daemon_device_changed(void *arg, struct device *device)
{
	struct daemon *d = arg;

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

static enum err daemon_start(struct daemon *d, struct config *config, const char *dir,
			     struct why *why)
{
	const struct registry_calls calls = {
		.arrived = daemon_device_arrived,
		.changed = daemon_device_changed,
		.arg = d,
	};
	enum err e;

	if (uv_loop_init(&d->loop) != 0)
		return why_set(why, ERR_INTERNAL, "cannot make an event loop");
	d->agent.loop = &d->loop;
	d->agent.config = config;
	d->agent.schemes = schemes;
	d->agent.autoload = &d->autoload;
	d->env.data_dir = d->data_dir;
	if (secret_probe(64 * 1024, &d->agent.mlock) != ERR_OK)
		log_warn("%s", d->agent.mlock.text);
	e = dir_path(d->data_dir, sizeof(d->data_dir), DIR_DATA, NULL, why);
	if (e == ERR_OK)
		e = client_socket_path(d->agent.agent_socket, dir, "agent.sock", why);
	if (e == ERR_OK)
		e = client_socket_path(d->agent.ssh_socket, dir, "ssh.sock", why);
	if (e == ERR_OK)
		e = registry_new(&d->agent.registry, &d->loop, drivers, &d->env, &calls, why);
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

/* Runs until a signal. `ready` is called when clients can connect. */
static int daemon_run(const struct options *o, struct config *config, const char *dir,
		      void (*ready)(void *arg), void *arg)
{
	struct daemon *d = calloc(1, sizeof(*d));
	struct why why = {0};
	enum err e = d != NULL ? daemon_start(d, config, dir, &why) : ERR_NO_MEMORY;

	if (e != ERR_OK) {
		/* The process ends: the kernel frees more surely than half-made handles would. */
		fprintf(stderr, "lanyard-agent: %s\n", why_text(&why, e));
		_exit(1);
	}
	log_info("%s ready in %s", daemon_word(o), dir);
	ready(arg);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&d->loop) != 0)
		log_error("the loop was left with open handles");
	autoload_free(&d->autoload);
	keyring_free(&d->agent.keys);
	config_free(config);
	free(d);
	return 0;
}

/* ---- processes ---- */

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
}

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
		fprintf(stderr, "lanyard-agent: %s: %s\n", o->config, strerror(errno));
		return 1;
	}
	e = config_load(config, o->config != NULL ? path : NULL, &why);
	if (e == ERR_OK)
		return 0;
	fprintf(stderr, "lanyard-agent: %s\n", why_text(&why, e));
	return 1;
}

struct announcement {
	const struct options *options;
	const struct instance *instance;
	int pipe; /* to the parent that waits; -1 in the foreground */
};

static void announce_foreground(void *arg)
{
	const struct announcement *a = arg;

	instance_print(a->instance, getpid(), a->options->csh);
}

/* Cuts the daemon loose from its terminal, then lets the parent print and go. */
static void announce_daemon(void *arg)
{
	const struct announcement *a = arg;

	instance_detach_stdio();
	if (write(a->pipe, "r", 1) != 1)
		log_warn("the starting process went away");
	close(a->pipe);
}

static int start_daemon(const struct options *o, struct config *config, struct instance *instance)
{
	struct announcement a = {.options = o, .instance = instance};
	int fds[2];
	pid_t pid;
	char byte;

	if (pipe2(fds, O_CLOEXEC) != 0 || (pid = fork()) < 0) {
		fprintf(stderr, "lanyard-agent: cannot start a process: %s\n", strerror(errno));
		return 1;
	}
	if (pid == 0) {
		close(fds[0]);
		a.pipe = fds[1];
		setsid();
		if (chdir("/") != 0)
			_exit(1);
		return daemon_run(o, config, instance->dir, announce_daemon, &a);
	}
	close(fds[1]);
	config_free(config);
	if (read(fds[0], &byte, 1) != 1)
		return 1; /* the child has said why */
	close(fds[0]);
	instance_print(instance, pid, o->csh);
	return 0;
}

static int start(const struct options *o, struct config *config, struct instance *instance)
{
	struct announcement a = {.options = o, .instance = instance, .pipe = -1};
	enum log_level level = config->log;

	if (o->verbose > 0)
		level = o->verbose == 1 ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
	log_open("lanyard-agent", level, !o->foreground);
	if (!o->foreground)
		return start_daemon(o, config, instance);
	return daemon_run(o, config, instance->dir, announce_foreground, &a);
}

int main(int argc, char **argv)
{
	struct options o;
	struct config *config = NULL;
	struct instance instance;
	struct why why = {0};
	int status = options_parse(&o, argc, argv);
	enum err e;

	if (status >= 0)
		return status;
	umask(077);
	if (secret_start(&why) != ERR_OK) {
		fprintf(stderr, "lanyard-agent: %s\n", why.text);
		return 1;
	}
	secret_harden_process();
	block_signals();
	raise_descriptor_limit();
	e = instance_find(&instance, o.socket_dir, &why);
	if (e == ERR_OK && o.kill)
		return instance_kill(&instance, o.csh);
	if (e == ERR_OK)
		e = instance_claim(&instance, &why);
	if (e == ERR_EXISTS)
		return instance_say_running(&instance, o.foreground, o.csh);
	if (e != ERR_OK) {
		fprintf(stderr, "lanyard-agent: %s\n", why_text(&why, e));
		return 1;
	}
	if (config_open(&o, &config) != 0)
		return 1;
	return start(&o, config, &instance);
}
