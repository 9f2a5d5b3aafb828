/* SPDX-License-Identifier: MIT */
#include "devices/soft/soft.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "derive/kdf.h"
#include "derive/secret.h"
#include "devices/soft/stretch.h"
#include "protocol/log.h"

enum { TRIES = 3 };

_Static_assert((int)SOFT_NAME_MAX <= (int)DEVICE_LABEL_MAX, "a name is a label");
_Static_assert((int)SOFT_SERIAL_HEX <= (int)DEVICE_SERIAL_MAX, "a serial fits");

/* All of it in locked memory. */
struct soft {
	char label[DEVICE_LABEL_MAX + 1];
	char path[DEVICE_WHERE_MAX + 1];
	char serial[DEVICE_SERIAL_MAX + 1];
	bool encrypted;
	const struct driver_env *env;
	int wake; /* readable from an abort() to the next stretching */
	bool unlocked;
	bool kept_locked; /* by OP_LOCK: not even an unencrypted device works before OP_UNLOCK */
	struct soft_seed seed;
	/* Of the job that runs. */
	struct job *job;
	struct soft_stretcher stretcher;
	struct soft_file file;
	struct soft_seed file_seed;
	struct node node;
	uint8_t shared[SHARED_MAX];
};

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void scan_one(const struct driver_env *env, const char *dir, const char *name,
		     void (*found)(void *arg, const struct device_info *info), void *arg)
{
	struct device_info info = {.env = env};
	struct soft_file file;
	struct why why = {0};

	if (*name == '.') /* also file_write()'s temporary files */
		return;
	enum err e = soft_name_check(name, &why);
	int n = snprintf(info.where, sizeof(info.where), "%s/%s", dir, name);
	if (!e && (n < 0 || (size_t)n >= sizeof(info.where)))
		e = why_set(&why, ERR_TOO_LARGE, "its path is longer than %d bytes",
			    DEVICE_WHERE_MAX);
	if (!e)
		e = soft_file_read(&file, info.where, &why);
	if (e == ERR_NOT_FOUND)
		return;
	if (e) {
		log_warn("soft device left out: %s", why_text(&why, e));
		return;
	}
	memcpy(info.serial, file.serial, sizeof(file.serial));
	memcpy(info.label, name, strlen(name)); /* soft_name_check() saw that it fits */
	info.ready = file.kdf == SOFT_KDF_NONE;
	secret_wipe(&file, sizeof(file));
	found(arg, &info);
}

static enum err soft_scan(const struct driver_env *env,
			  void (*found)(void *arg, const struct device_info *info), void *arg)
{
	char dir[DEVICE_WHERE_MAX + 1];
	struct dirent **names;

	int n = snprintf(dir, sizeof(dir), "%s/%s", env->data_dir, soft_driver.dir);
	if (n < 0 || (size_t)n >= sizeof(dir))
		return ERR_TOO_LARGE;
	/* Sorted, so that of two copies of one file it is always the same that counts. */
	int count = scandir(dir, &names, NULL, by_name);
	if (count < 0)
		return errno == ENOENT ? ERR_OK : errno == EACCES ? ERR_PERMISSION : ERR_IO;
	for (int i = 0; i < count; i++) {
		scan_one(env, dir, names[i]->d_name, found, arg);
		free(names[i]);
	}
	free(names);
	return ERR_OK;
}

/* The file may have been replaced since the scan. */
static enum err soft_read(struct soft *s, struct why *why)
{
	enum err e = soft_file_read(&s->file, s->path, why);
	if (e == ERR_NOT_FOUND)
		return why_set(why, ERR_DEVICE_GONE, "soft:%s: its file was removed", s->label);
	if (!e && strcmp(s->file.serial, s->serial))
		return why_set(why, ERR_DEVICE_GONE, "soft:%s: its file is another device's now",
			       s->label);
	if (!e)
		s->encrypted = s->file.kdf != SOFT_KDF_NONE;
	if (!e && s->env && s->env->stretch)
		s->file.stretcher = &s->stretcher;
	return e;
}

/* In a process of its own, which an abort() ends. */
static enum err soft_stretch(void *arg, const struct soft_stretch *what, uint8_t key[static 32],
			     struct why *why)
{
	struct soft *s = arg;
	uint64_t stale;
	enum err e = ERR_CANCELED;

	/* That of an abort() that came too late for its job; this job's own is seen below. */
	while (read(s->wake, &stale, sizeof(stale)) < 0 && errno == EINTR)
		;
	if (job_canceled(s->job))
		return e;
	int fd = s->env->stretch(s->env->stretch_arg);
	if (fd < 0)
		return why_set(why, ERR_NO_MEMORY, "soft:%s: cannot start a process for Argon2id",
			       s->label);
	e = stretch_ask(fd, s->wake, what, key, why);
	close(fd);
	return e;
}

static void soft_abort(void *self)
{
	const struct soft *s = self;
	uint64_t one = 1;

	/* It cannot be full: nobody aborts 2^64 times. */
	while (write(s->wake, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void scratch_wipe(struct soft *s)
{
	secret_wipe(&s->file, sizeof(s->file));
	secret_wipe(&s->file_seed, sizeof(s->file_seed));
	secret_wipe(&s->node, sizeof(s->node));
	secret_wipe(s->shared, sizeof(s->shared));
}

static void soft_close(void *self)
{
	struct soft *s = self;

	if (s->wake >= 0)
		close(s->wake);
	secret_free_mem(s);
}

static enum err soft_open(void **self, const struct device_info *info, struct why *why)
{
	struct soft *s = secret_alloc(sizeof(*s));
	if (!s)
		return why_set(why, ERR_NO_MEMORY,
			       "out of locked memory for soft:%s: raise the limit (ulimit -l)",
			       info->label);
	memcpy(s->label, info->label, sizeof(s->label));
	memcpy(s->path, info->where, sizeof(s->path));
	memcpy(s->serial, info->serial, sizeof(s->serial));
	s->env = info->env;
	s->stretcher = (struct soft_stretcher){soft_stretch, s};
	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	enum err e = s->wake < 0 ? why_set(why, ERR_IO, "soft:%s: %s", info->label, strerror(errno))
				 : soft_read(s, why);
	scratch_wipe(s);
	if (e)
		soft_close(s);
	else
		*self = s;
	return e;
}

static bool soft_unlocked(void *self)
{
	const struct soft *s = self;
	return s->unlocked || (!s->encrypted && !s->kept_locked);
}

static enum err soft_ask(struct soft *s, struct job *job, enum ask_kind kind, bool again,
			 struct secret *answer)
{
	struct ask ask = {.kind = kind, .again = again};
	snprintf(ask.prompt, sizeof(ask.prompt), "%s of soft:%s",
		 kind == ASK_NEW_PASSPHRASE ? "New passphrase" : "Passphrase", s->label);
	enum err e = job_ask(job, &ask, answer);
	if (e)
		why_set(&job->why, e, "%s: %s", ask.prompt, err_text(e));
	return e;
}

/* Reads the file and its seed into the scratch fields, asking for the passphrase if it has one. */
static enum err soft_read_seed(struct soft *s, struct job *job)
{
	s->job = job;
	enum err e = soft_read(s, &job->why);
	if (e)
		return e;
	if (!s->encrypted)
		return soft_file_open(&s->file, NULL, 0, &s->file_seed, &job->why);
	for (int i = 0; i < TRIES; i++) {
		struct secret answer;
		e = soft_ask(s, job, ASK_PASSPHRASE, i > 0, &answer);
		if (e)
			return e;
		e = soft_file_open(&s->file, answer.p, answer.n, &s->file_seed, &job->why);
		secret_free(&answer);
		if (e != ERR_BAD_PASSPHRASE)
			break;
	}
	/* Whoever left meanwhile wants nothing done any more. */
	return !e && job_canceled(job) ? ERR_CANCELED : e;
}

static enum err soft_unlock(struct soft *s, struct job *job)
{
	if (s->unlocked && !job->prove)
		return ERR_OK;
	enum err e = soft_read_seed(s, job);
	if (e)
		return e;
	if (!s->encrypted)
		log_warn("soft:%s IS NOT ENCRYPTED: whoever reads %s has every key of it; "
			 "`lanyard soft change-passphrase %s` encrypts it",
			 s->label, s->path, s->label);
	s->seed = s->file_seed;
	s->unlocked = true;
	s->kept_locked = false;
	return ERR_OK;
}

/* An unencrypted device works without being asked for, unless it was locked. */
static enum err soft_ready(struct soft *s, struct job *job)
{
	enum err e = ERR_OK;

	if (!s->unlocked && !s->encrypted && !s->kept_locked) {
		e = soft_read(s, &job->why); /* it may be encrypted by now */
		if (!e && !s->encrypted)
			e = soft_unlock(s, job);
	}
	if (!e && !s->unlocked)
		e = why_set(&job->why, ERR_LOCKED,
			    "soft:%s is locked: run `lanyard unlock soft:%s`", s->label, s->label);
	return e;
}

static enum err soft_node(struct soft *s, enum curve curve, enum purpose purpose,
			  const struct identity *id)
{
	return slip13_node(&s->node, s->seed.p, s->seed.n, curve, purpose, id->uri, id->index);
}

static enum err soft_public_key(struct soft *s, struct job *job)
{
	enum err e = soft_node(s, job->id.curve, job->purpose, &job->id);
	if (!e)
		e = ecc_public(job->id.curve, s->node.key, job->out);
	job->out_len = PUBLIC_KEY_LEN;
	return e;
}

static enum err soft_sign(struct soft *s, struct job *job)
{
	enum err e = soft_node(s, job->id.curve, PURPOSE_SIGN, &job->id);
	if (!e)
		e = ecc_sign(job->id.curve, signing_of(&job->id), s->node.key, job->data.p,
			     job->data.n, job->visual, job->out);
	job->out_len = SIGNATURE_LEN;
	return e;
}

static enum err soft_ecdh(struct soft *s, struct job *job)
{
	size_t n = 0;
	enum err e = soft_node(s, job->id.curve, PURPOSE_ECDH, &job->id);
	if (!e)
		e = ecc_ecdh(job->id.curve, s->node.key, job->data.p, job->data.n, s->shared, &n);
	if (!e)
		e = secret_copy(&job->secret, s->shared, n);
	return e;
}

/* DESIGN: on the curve25519 node whatever the identity's curve. */
static enum err soft_secret(struct soft *s, struct job *job)
{
	uint8_t point[32];
	size_t n = 0;

	kdf_secret_point(point, job->id.uri, job->id.index);
	enum err e = soft_node(s, CURVE_CURVE25519, PURPOSE_ECDH, &job->id);
	if (!e)
		e = ecc_ecdh(CURVE_CURVE25519, s->node.key, point, sizeof(point), s->shared, &n);
	if (!e)
		e = secret_new(&job->secret, SECRET_LEN);
	if (!e)
		kdf_secret(job->secret.p, s->shared, n, job->id.uri);
	return e;
}

static enum err soft_operate(struct soft *s, struct job *job)
{
	switch (job->op) {
	case OP_PUBLIC_KEY:
		return soft_public_key(s, job);
	case OP_SIGN:
		return soft_sign(s, job);
	case OP_ECDH:
		return soft_ecdh(s, job);
	case OP_SECRET:
		return soft_secret(s, job);
	default:
		return ERR_UNSUPPORTED;
	}
}

static enum err soft_run(void *self, struct job *job)
{
	struct soft *s = self;
	enum err e = ERR_OK;

	switch (job->op) {
	case OP_LOCK:
		secret_wipe(&s->seed, sizeof(s->seed));
		s->unlocked = false;
		s->kept_locked = true;
		break;
	case OP_UNLOCK:
		e = soft_unlock(s, job);
		break;
	default:
		e = soft_ready(s, job);
		if (!e)
			e = soft_operate(s, job);
	}
	scratch_wipe(s);
	return e;
}

static enum err verb_info(void *self, struct job *job)
{
	struct soft *s = self;
	char kdf[SOFT_TEXT_MAX], created[SOFT_TEXT_MAX];

	enum err e = soft_read(s, &job->why);
	if (!e) {
		soft_file_kdf_text(&s->file, kdf);
		soft_file_created_text(&s->file, created);
		snprintf(job->text, sizeof(job->text),
			 "label: %s\nserial: %s\nformat version: %u\nencrypted: %s\n"
			 "key derivation: %s\ncreated: %s\n",
			 s->label, s->serial, (unsigned)s->file.version,
			 s->encrypted ? "yes" : "NO", kdf, created);
	}
	scratch_wipe(s);
	return e;
}

static enum err verb_change_passphrase(void *self, struct job *job)
{
	struct soft *s = self;
	struct secret answer = {0};

	enum err e = soft_read_seed(s, job);
	if (!e)
		e = soft_ask(s, job, ASK_NEW_PASSPHRASE, false, &answer);
	if (!e)
		e = soft_file_change(s->path, &s->file, &s->file_seed, answer.p, answer.n,
				     &job->why);
	if (!e) {
		s->encrypted = true;
		snprintf(job->text, sizeof(job->text), "soft:%s has a new passphrase\n", s->label);
	}
	secret_free(&answer);
	scratch_wipe(s);
	return e;
}

static const struct verb soft_verbs[] = {
	{.name = "info", .args = "", .help = "what its file is", .run = verb_info},
	{.name = "change-passphrase",
	 .args = "",
	 .help = "encrypt its file under another passphrase",
	 .run = verb_change_passphrase},
	{.name = NULL},
};

const struct driver soft_driver = {
	.name = "soft",
	.ops = 1u << OP_PUBLIC_KEY | 1u << OP_SIGN | 1u << OP_ECDH | 1u << OP_SECRET |
	       1u << OP_UNLOCK | 1u << OP_LOCK | 1u << OP_VERB,
	.custody = CUSTODY_AGENT,
	.dir = "soft",
	.scan = soft_scan,
	.open = soft_open,
	.close = soft_close,
	.run = soft_run,
	.unlocked = soft_unlocked,
	.abort = soft_abort,
	.verbs = soft_verbs,
};
