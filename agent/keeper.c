/* SPDX-License-Identifier: MIT */
#include "agent/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/logind_program.h"
#include "protocol/log.h"

/* One question at a time, and the notifications of some devices. */
enum { LAUNCHERS_MAX = 16, START_FAILED = 1 };

struct running {
	pid_t pid; /* 0: free */
	uint32_t id;
	bool note;
};

struct keeper {
	const struct keeper_calls *calls;
	const struct launcher *launcher;
	int fd, signals;
	bool terminal;         /* there was one to be started from */
	pid_t daemon, command; /* 0: not there, or not any more */
	bool commanded;        /* a command was started: its status is ours */
	int status;
	struct running running[LAUNCHERS_MAX];
};

static int exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- launchers ---- */

/* The answer of a launcher that gave none. */
static void keeper_answer(struct keeper *k, uint32_t id, enum err e)
{
	struct launch_answer answer = {.id = id, .error = e};

	if (send(k->fd, &answer, sizeof(answer), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_error("the daemon cannot be told of a prompt: %s", strerror(errno));
}

/* A question's programs are in its launcher's group, so that a wrapper's children end too; that of
 * a notification closes it first. */
static void running_end(const struct running *r)
{
	if (r->note || kill(-r->pid, SIGTERM) != 0)
		kill(r->pid, SIGTERM);
}

static struct running *keeper_find(struct keeper *k, pid_t pid)
{
	for (size_t i = 0; i < LAUNCHERS_MAX; i++)
		if (k->running[i].pid == pid)
			return &k->running[i];
	return NULL;
}

static void keeper_launch(struct keeper *k, const struct launch_request *request)
{
	struct running *r = keeper_find(k, 0);
	pid_t self = getpid(), pid = r != NULL ? fork() : -1;

	if (pid == 0) {
		close(k->signals);
		launcher_child(k->launcher, request, k->fd, self);
	}
	if (pid > 0)
		*r = (struct running){pid, request->id, request->what == LAUNCH_NOTE};
	else if (request->what == LAUNCH_ASK)
		keeper_answer(k, request->id, ERR_NO_PROMPT);
}

static void keeper_launcher_ended(struct keeper *k, struct running *r, int status)
{
	struct running ended = *r;

	*r = (struct running){.pid = 0};
	if (ended.note || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
		return;
	log_error("a prompt's process ended with status %d: refused", exit_status(status));
	kill(-ended.pid, SIGTERM); /* what it has left behind */
	keeper_answer(k, ended.id, ERR_REFUSED);
}

/* ---- the daemon's messages ---- */

static void keeper_command(struct keeper *k)
{
	pid_t pid = fork();

	if (pid == 0) {
		k->calls->command(k->calls->arg, k->daemon);
		_exit(START_FAILED);
	}
	k->commanded = true;
	k->status = START_FAILED;
	k->command = pid;
	if (pid > 0)
		return;
	fprintf(stderr, "lanyard-agent: fork: %s\n", strerror(errno));
	k->command = 0;
	kill(k->daemon, SIGTERM);
}

/* One message, and the descriptor that came with it, or -1. */
static ssize_t keeper_receive(int fd, struct launch_request *r, int *passed)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec data = {r, sizeof(*r)};
	struct msghdr message = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;

	*passed = -1;
	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(passed, CMSG_DATA(c), sizeof(*passed));
	return n;
}

/* Its end tells the daemon that there is none, or none any more. */
static void keeper_stretch(struct keeper *k, int fd)
{
	struct running *r = keeper_find(k, 0);
	pid_t self = getpid(),
	      pid = r != NULL && fd >= 0 && k->calls->stretch != NULL ? fork() : -1;

	if (pid == 0) {
		close(k->signals);
		close(k->fd);
		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		_exit(getppid() == self ? k->calls->stretch(fd) : START_FAILED);
	}
	if (pid > 0)
		*r = (struct running){pid, 0, true};
	if (fd >= 0)
		close(fd);
}

/* The same for lanyard-logind: that one's process becomes another program. */
static void keeper_logind(struct keeper *k, unsigned lock_on, int fd)
{
	struct running *r = keeper_find(k, 0);
	pid_t self = getpid(), pid = r != NULL && fd >= 0 ? fork() : -1;

	if (pid == 0) {
		launcher_restore_signals(k->launcher);
		logind_exec(k->launcher->logind, lock_on, fd, self);
	}
	if (pid > 0)
		*r = (struct running){pid, 0, true};
	if (fd >= 0)
		close(fd);
}

/* False: the daemon has closed its end. SIGCHLD will say why. */
static bool keeper_message(struct keeper *k)
{
	struct launch_request r;
	int passed;
	ssize_t n = keeper_receive(k->fd, &r, &passed);

	if (n != (ssize_t)sizeof(r))
		return n < 0 && (errno == EAGAIN || errno == EINTR);
	if (passed >= 0 && r.what != LAUNCH_STRETCH && r.what != LAUNCH_LOGIND)
		close(passed);
	r.text[sizeof(r.text) - 1] = r.detail[sizeof(r.detail) - 1] = '\0';
	r.tty[sizeof(r.tty) - 1] = r.term[sizeof(r.term) - 1] = '\0';
	switch (r.what) {
	case LAUNCH_READY:
		k->calls->ready(k->calls->arg, k->daemon);
		if (k->calls->command != NULL)
			keeper_command(k);
		break;
	case LAUNCH_ASK:
	case LAUNCH_NOTE:
		keeper_launch(k, &r);
		break;
	case LAUNCH_STRETCH:
		keeper_stretch(k, passed);
		break;
	case LAUNCH_LOGIND:
		keeper_logind(k, r.kind, passed);
		break;
	case LAUNCH_END:
		for (size_t i = 0; i < LAUNCHERS_MAX; i++)
			if (k->running[i].pid != 0 && k->running[i].id == r.id)
				running_end(&k->running[i]);
		break;
	case LAUNCH_RELOAD:
		k->calls->reload(k->calls->arg, r.text);
		break;
	default:
		log_error("the daemon asks for %u, which there is not", (unsigned)r.what);
	}
	return true;
}

/* ---- signals ---- */

static void keeper_child_ended(struct keeper *k, pid_t pid, int status)
{
	struct running *r = keeper_find(k, pid);

	if (r != NULL) {
		keeper_launcher_ended(k, r, status);
	} else if (pid == k->daemon) {
		k->daemon = 0;
		if (!k->commanded)
			k->status = exit_status(status);
		if (k->command != 0 || WIFSIGNALED(status))
			log_error("the agent's process %d ended with status %d", (int)pid,
				  exit_status(status));
	} else if (pid == k->command) {
		k->command = 0;
		k->status = exit_status(status);
		if (k->daemon != 0)
			kill(k->daemon, SIGTERM);
	}
}

/* Whether there is a controlling terminal; its hang-up takes it away. */
static bool has_terminal(void)
{
	int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void keeper_signal(struct keeper *k)
{
	struct signalfd_siginfo info;
	pid_t pid;
	int status;

	if (read(k->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD) {
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			keeper_child_ended(k, pid, status);
		return;
	}
	/* Its terminal's end is the agent's, and no wish for another configuration. */
	if (info.ssi_signo == SIGHUP && k->command == 0 && k->terminal && !has_terminal())
		info.ssi_signo = SIGTERM;
	/* The command has what the terminal sends to all of its foreground. */
	if (k->command != 0 && info.ssi_code != SI_KERNEL)
		kill(k->command, (int)info.ssi_signo);
	else if (k->command == 0 && k->daemon != 0)
		kill(k->daemon, (int)info.ssi_signo);
}

/* ---- life ---- */

static void keeper_loop(struct keeper *k)
{
	struct pollfd fds[2] = {{.fd = k->signals, .events = POLLIN},
				{.fd = k->fd, .events = POLLIN}};

	while (k->daemon != 0 || k->command != 0) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents != 0 && !keeper_message(k))
			fds[1].fd = -1;
		if (fds[0].revents != 0)
			keeper_signal(k);
	}
	for (size_t i = 0; i < LAUNCHERS_MAX; i++)
		if (k->running[i].pid != 0)
			running_end(&k->running[i]);
}

static int daemon_process(const struct keeper_calls *calls, int fd, pid_t keeper,
			  const sigset_t *handled)
{
	sigset_t set = *handled;

	sigdelset(&set, SIGTERM);
	sigdelset(&set, SIGINT);
	sigdelset(&set, SIGHUP);
	sigprocmask(SIG_UNBLOCK, &set, NULL); /* those are still the daemon's to unblock */
	/* Its keeper gone, it would be an agent that cannot ask: it ends, in good order. */
	prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	if (getppid() != keeper)
		return START_FAILED;
	/* A terminal's ^C is the keeper's to pass on, or the command's alone. */
	setsid();
	return calls->daemon(calls->arg, fd);
}

int keeper_run(const struct keeper_calls *calls, const struct launcher *launcher, int lock)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGCHLD};
	struct keeper k = {.calls = calls, .launcher = launcher};
	pid_t self = getpid();
	sigset_t handled;
	int fds[2];

	sigemptyset(&handled);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaddset(&handled, numbers[i]);
	sigprocmask(SIG_BLOCK, &handled, NULL);
	/* Who traces the keeper could answer a question in a person's place. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	k.signals = signalfd(-1, &handled, SFD_CLOEXEC);
	if (k.signals < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0 ||
	    (k.daemon = fork()) < 0) {
		fprintf(stderr, "lanyard-agent: cannot start a process: %s\n", strerror(errno));
		return START_FAILED;
	}
	if (k.daemon == 0) {
		close(k.signals);
		close(fds[0]);
		exit(daemon_process(calls, fds[1], self, &handled));
	}
	close(fds[1]);
	if (lock >= 0)
		close(lock);
	k.fd = fds[0];
	k.terminal = has_terminal();
	keeper_loop(&k);
	close(k.fd);
	close(k.signals);
	return k.status;
}
