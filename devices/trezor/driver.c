/* SPDX-License-Identifier: MIT */
#include "devices/trezor/trezor.h"

#include <stdio.h>
#include <string.h>

#include "derive/kdf.h"
#include "devices/trezor/check.h"
#include "devices/usb.h"

enum { WHAT_MAX = IDENTITY_URI_MAX + 40, HID_WALLET = 0xFF00 };

/* Trezor One with HID firmware; the others' bootloader; Trezor; KeepKey with HID firmware; KeepKey.
 * Models are told apart by what they answer. */
static const struct usb_id ids[] = {
	{0x534C, 0x0001, HID_WALLET}, {0x1209, 0x53C0, 0}, {0x1209, 0x53C1, 0},
	{0x2B24, 0x0001, HID_WALLET}, {0x2B24, 0x0002, 0}, {0, 0, 0},
};

struct scan {
	const struct driver_env *env;
	void (*found)(void *arg, const struct device_info *info);
	void *arg;
};

static void on_usb(void *arg, const char *where)
{
	const struct scan *scan = arg;
	struct device_info info = {.env = scan->env};

	snprintf(info.where, sizeof(info.where), "%s", where);
	scan->found(scan->arg, &info);
}

static enum err trezor_scan(const struct driver_env *env,
			    void (*found)(void *arg, const struct device_info *info), void *arg)
{
	struct scan scan = {.env = env, .found = found, .arg = arg};

	for (const char *const *address = env->udp; address && *address; address++) {
		struct device_info info = {.silent = true, .env = env};
		snprintf(info.where, sizeof(info.where), "udp:%s", *address);
		found(arg, &info);
	}
	return usb_list("/sys", ids, on_usb, &scan);
}

static enum err trezor_open(void **self, const struct device_info *info, struct why *why)
{
	struct transport *t = NULL;
	struct wallet *w = NULL;
	enum err e = transport_new(&t, info->where, why);

	if (!e)
		e = wallet_new(&w, t, info->where, info->env, &wallet_budgets);
	if (e)
		transport_free(t);
	else
		*self = w;
	return e;
}

static void trezor_close(void *self)
{
	wallet_free(self);
}

static void trezor_abort(void *self)
{
	wallet_abort(self);
}

static bool trezor_unlocked(void *self)
{
	const struct wallet *w = self;
	return w->ready && !w->kept_locked;
}

static void trezor_describe(void *self, struct device_info *info)
{
	const struct wallet *w = self;
	const struct features *f = &w->features;

	if (w->thp || !w->known)
		return;
	memcpy(info->label, f->label, sizeof(info->label));
	snprintf(info->about, sizeof(info->about), "%s %s%s", f->model, f->firmware,
		 f->bootloader     ? ", in its bootloader"
		 : !f->initialized ? ", not set up"
				   : "");
}

/* What is there but cannot be used is listed all the same, so that its owner knows why. */
static void probe_fill(struct wallet *w, struct probe *p)
{
	const struct features *f = &w->features;
	struct device_info *info = &p->info;

	if (w->thp) {
		/* Of "usb:PORT/NUMBER" the port, which stays the same. */
		snprintf(info->serial, sizeof(info->serial), "%.*s",
			 (int)strcspn(w->where, strncmp(w->where, "usb:", 4) ? "" : "/"), w->where);
		snprintf(info->label, sizeof(info->label), "Trezor");
		snprintf(info->about, sizeof(info->about), "needs THP, not supported yet");
		return;
	}
	memcpy(info->serial, f->serial, sizeof(info->serial));
	trezor_describe(w, info);
	p->driver = f->keepkey ? &keepkey_driver : &trezor_driver;
}

static enum err trezor_probe(struct wallet *w, struct job *job)
{
	enum err e = wallet_probe(w, job);

	if (!e)
		probe_fill(w, job->probe);
	return e;
}

/* ---- operations, inside a flow ---- */

/* A passphrase that was mistyped must not stay. */
static enum err expect(struct wallet *w, struct job *job, const uint8_t pub[static PUBLIC_KEY_LEN])
{
	enum err e = job_expect(job, pub);

	if (e)
		wallet_forget(w);
	return e;
}

static enum err get_public_key(struct wallet *w, struct job *job, enum purpose purpose,
			       enum curve curve, const char *uri, uint32_t index,
			       uint8_t out[static PUBLIC_KEY_LEN])
{
	uint32_t path[PATH_LEN];

	slip13_path(path, purpose, uri, index);
	enum err e = message_get_public_key(&w->message, path, curve);
	if (!e)
		e = wallet_call(w, job, MSG_PUBLIC_KEY, "the public key");
	if (!e)
		e = message_read_public_key(&w->message, &w->arena, curve, out);
	return e;
}

static const char wallet_uri[] = "lanyard://wallet";

static void set_mark(struct wallet *w, const uint8_t pub[static PUBLIC_KEY_LEN])
{
	memcpy(w->mark, pub, PUBLIC_KEY_LEN);
	w->marked = true;
	w->unsure = false;
}

/* What opened it is forgotten. */
static enum err other_wallet(struct wallet *w, struct job *job)
{
	wallet_forget(w);
	if (w->typed)
		return why_set(&job->why, ERR_MISMATCH,
			       "this passphrase opens another wallet than the one before: "
			       "probably mistyped, try again");
	return why_set(&job->why, ERR_LOCKED,
		       "%s has another passphrase than before, say by another program: run "
		       "`lanyard unlock %s`",
		       w->name, w->name);
}

/* Where no known key tells the wallet: it has to be the one of before, whatever passphrase was
 * typed since, or is there from another program. */
static enum err check_wallet(struct wallet *w, struct job *job)
{
	uint8_t pub[PUBLIC_KEY_LEN];

	if (!w->marked || !w->unsure || job->has_expect)
		return ERR_OK;
	enum err e = get_public_key(w, job, PURPOSE_SIGN, CURVE_ED25519, wallet_uri, 0, pub);
	if (e)
		return e;
	w->unsure = false;
	return memcmp(pub, w->mark, sizeof(pub)) != 0 ? other_wallet(w, job) : ERR_OK;
}

/* Is it another wallet than the one that the device's keys are recorded with? */
static bool is_unrecorded(const struct job *job, const uint8_t pub[static PUBLIC_KEY_LEN])
{
	uint8_t fingerprint[32];

	kdf_wallet(fingerprint, pub);
	return job->has_wallet && memcmp(job->wallet, fingerprint, sizeof(fingerprint)) != 0;
}

static enum err run_public_key(struct wallet *w, struct job *job)
{
	enum err e = get_public_key(w, job, job->purpose, job->id.curve, job->id.uri, job->id.index,
				    job->out);

	if (!e)
		e = expect(w, job, job->out);
	if (!e && job->has_wallet && is_unrecorded(job, job->out))
		wallet_forget(w); /* whose caller says so */
	else if (!e && job->purpose == PURPOSE_SIGN && job->id.curve == CURVE_ED25519 &&
		 !job->id.index && !strcmp(job->id.uri, wallet_uri))
		set_mark(w, job->out);
	job->out_len = PUBLIC_KEY_LEN;
	return e;
}

static enum err run_sign(struct wallet *w, struct job *job)
{
	uint8_t pub[PUBLIC_KEY_LEN];
	char what[WHAT_MAX];
	struct slice data = job->data;

	if (signing_of(&job->id) == SIGNING_GPG && job->id.curve != CURVE_ED25519)
		data.n = 32;
	snprintf(what, sizeof(what), "a signature for %s", job->id.uri);
	enum err e = message_sign(&w->message, &job->id, data, job->visual);
	if (!e)
		e = wallet_call(w, job, MSG_SIGNED_IDENTITY, what);
	if (!e)
		e = message_read_signature(&w->message, &w->arena, job->id.curve, pub, job->out);
	if (!e)
		e = expect(w, job, pub);
	job->out_len = SIGNATURE_LEN;
	return e;
}

/* job->secret = the shared secret with `peer`, which is as firmware wants it. */
static enum err agree(struct wallet *w, struct job *job, enum curve curve, struct slice peer,
		      const char *what)
{
	uint8_t pub[PUBLIC_KEY_LEN];
	bool has_pub = false;
	enum err e = message_ecdh(&w->message, &job->id, curve, peer);

	if (!e)
		e = wallet_call(w, job, MSG_ECDH_SESSION_KEY, what);
	if (!e)
		e = message_read_shared(&w->message, &w->arena, curve, pub, &has_pub, &job->secret);
	if (!e && !has_pub)
		return why_set(&job->why, ERR_UNSUPPORTED,
			       "the firmware of %s (%s) does not say which key it used: update it",
			       w->name, w->features.firmware);
	return e ? e : expect(w, job, pub);
}

static enum err run_ecdh(struct wallet *w, struct job *job)
{
	uint8_t peer[SHARED_MAX];
	char what[WHAT_MAX];
	size_t n;

	snprintf(what, sizeof(what), "a shared key for %s", job->id.uri);
	enum err e = check_ecdh(w, job, peer, &n);
	if (!e)
		e = agree(w, job, job->id.curve, (struct slice){peer, n}, what);
	return e;
}

/* doc/DERIVATION.md, "SECRET": X25519, whatever the identity's curve. */
static enum err run_secret(struct wallet *w, struct job *job)
{
	uint8_t point[33] = {0x40};
	char what[WHAT_MAX];

	snprintf(what, sizeof(what), "the secret of %s", job->id.uri);
	kdf_secret_point(point + 1, job->id.uri, job->id.index);
	enum err e = agree(w, job, CURVE_CURVE25519, (struct slice){point, sizeof(point)}, what);
	if (!e)
		kdf_secret(job->secret.p, job->secret.p, job->secret.n, job->id.uri);
	return e;
}

/* The same for a KeepKey, which has no ECDH. Its answer does not say the wallet: that is asked
 * before the button. */
static enum err run_secret_keepkey(struct wallet *w, struct job *job)
{
	char key[WHAT_MAX], what[WHAT_MAX];
	uint8_t value[32], pub[PUBLIC_KEY_LEN];
	uint32_t path[PATH_LEN];
	enum err e = ERR_OK;

	snprintf(what, sizeof(what), "the secret of %s", job->id.uri);
	if (job->has_expect)
		e = get_public_key(w, job, PURPOSE_ECDH, CURVE_CURVE25519, job->id.uri,
				   job->id.index, pub);
	if (!e && job->has_expect)
		e = expect(w, job, pub);
	int n = snprintf(key, sizeof(key), "lanyard secret v1 %s", job->id.uri);
	kdf_secret_hash(value, job->id.uri, job->id.index);
	slip13_path(path, PURPOSE_ECDH, job->id.uri, job->id.index);
	if (!e)
		e = message_cipher(&w->message, path, (struct slice){(uint8_t *)key, (size_t)n},
				   (struct slice){value, sizeof(value)});
	if (!e)
		e = wallet_call(w, job, MSG_CIPHERED_KEY_VALUE, what);
	if (!e)
		e = secret_new(&job->secret, SECRET_LEN);
	if (!e)
		e = message_read_cipher(&w->message, &w->arena, job->secret.p);
	if (!e)
		kdf_secret(job->secret.p, job->secret.p, job->secret.n, job->id.uri);
	return e;
}

/* A public key that nobody needs, so that PIN and passphrase are asked for. */
static enum err run_unlock(struct wallet *w, struct job *job)
{
	uint8_t pub[PUBLIC_KEY_LEN];
	enum err e = get_public_key(w, job, PURPOSE_SIGN, CURVE_ED25519, wallet_uri, 0, pub);

	if (e)
		return e;
	if (is_unrecorded(job, pub)) {
		if (w->features.has_passphrase)
			return other_wallet(w, job);
		wallet_forget(w);
		return why_set(&job->why, ERR_MISMATCH,
			       "it holds another wallet than its keys are recorded with");
	}
	set_mark(w, pub);
	w->kept_locked = false;
	return e;
}

static enum err run_lock(struct wallet *w, struct job *job)
{
	enum err e = ERR_OK;

	/* KeepKey has another message there, and old firmware none. */
	if (w->has_session) {
		message_empty(&w->message, MSG_END_SESSION);
		e = wallet_call(w, job, MSG_SUCCESS, "");
	}
	message_empty(&w->message, MSG_LOCK_DEVICE);
	if (!e)
		e = wallet_call(w, job, MSG_SUCCESS, "");
	wallet_forget(w);
	return e;
}

/* ---- jobs ---- */

/* Before anything is sent. */
static enum err check_job(const struct wallet *w, struct job *job)
{
	uint8_t peer[SHARED_MAX];
	size_t n;

	if (w->kept_locked && job->op != OP_UNLOCK && job->op != OP_LOCK)
		return why_set(&job->why, ERR_LOCKED, "%s is locked: run `lanyard unlock %s`",
			       w->name, w->name);
	switch (job->op) {
	case OP_SIGN:
		return check_sign(w, job);
	case OP_ECDH:
		return check_ecdh(w, job, peer, &n);
	case OP_SECRET:
		return check_secret(w, job);
	default:
		return ERR_OK;
	}
}

static enum err run_op(struct wallet *w, struct job *job)
{
	switch (job->op) {
	case OP_PUBLIC_KEY:
		return run_public_key(w, job);
	case OP_SIGN:
		return run_sign(w, job);
	case OP_ECDH:
		return run_ecdh(w, job);
	case OP_SECRET:
		return w->features.keepkey ? run_secret_keepkey(w, job) : run_secret(w, job);
	case OP_UNLOCK:
		return run_unlock(w, job);
	case OP_LOCK:
		return run_lock(w, job);
	default:
		return ERR_UNSUPPORTED;
	}
}

static enum err run_flow(struct wallet *w, struct job *job)
{
	enum err e = wallet_begin(w, job);

	if (e && job->op == OP_LOCK)
		wallet_forget(w); /* then we cannot resume what it could not be told to forget */
	if (e)
		return e;
	if (job->op != OP_LOCK)
		e = check_wallet(w, job);
	if (!e)
		e = run_op(w, job);
	if (!e && job->op != OP_LOCK) /* when it has asked for a passphrase after all */
		e = check_wallet(w, job);
	if (!e)
		w->ready = job->op != OP_LOCK && w->met; /* not given up meanwhile */
	wallet_end(w);
	return e;
}

static enum err trezor_run(void *self, struct job *job)
{
	struct wallet *w = self;

	if (job->op == OP_PROBE)
		return trezor_probe(w, job);
	enum err e = check_job(w, job);
	if (e)
		return e;
	if (job->op == OP_LOCK) {
		w->kept_locked = true;
		/* What cannot be used has nothing to lock. */
		if (w->thp || w->features.bootloader || !w->features.initialized)
			return ERR_OK;
	}
	/* One that has its PIN would not ask for it. */
	if (job->op == OP_UNLOCK && job->prove && (e = wallet_begin(w, job)) == ERR_OK) {
		e = run_lock(w, job);
		wallet_end(w);
	}
	if (!e)
		e = run_flow(w, job);
	/* The passphrase that it had is given up: now it asks. */
	if (e == ERR_LOCKED && job->op == OP_UNLOCK && !w->met) {
		job->why = (struct why){0};
		e = run_flow(w, job);
	}
	return e;
}

static enum err verb_info(void *self, struct job *job)
{
	struct wallet *w = self;
	const struct features *f = &w->features;

	if (w->thp) {
		snprintf(job->text, sizeof(job->text),
			 "address: %s\nneeds THP, not supported yet\n", w->where);
		return ERR_OK;
	}
	enum err e = wallet_begin(w, job);
	if (e)
		return e;
	wallet_end(w);
	snprintf(job->text, sizeof(job->text),
		 "label: %s\nserial: %s\nmodel: %s\nfirmware: %s\naddress: %s\n"
		 "PIN: %s\npassphrase: %s\n",
		 f->label, f->serial, f->model, f->firmware, w->where,
		 !f->has_pin   ? "none"
		 : f->unlocked ? "entered"
			       : "needed",
		 w->ready            ? "not asked for now"
		 : f->has_passphrase ? "needed"
				     : "not known before the PIN is entered");
	return ERR_OK;
}

static const struct verb wallet_verbs[] = {
	{.name = "info", .args = "", .help = "model, firmware, PIN", .run = verb_info},
	{.name = NULL},
};

enum {
	OPS_KEEPKEY = 1u << OP_PUBLIC_KEY | 1u << OP_SIGN | 1u << OP_SECRET | 1u << OP_UNLOCK |
		      1u << OP_LOCK | 1u << OP_VERB | 1u << OP_PROBE
};

const struct driver trezor_driver = {
	.name = "trezor",
	.ops = OPS_KEEPKEY | 1u << OP_ECDH,
	.custody = CUSTODY_DEVICE,
	.usb = true,
	.scan = trezor_scan,
	.open = trezor_open,
	.close = trezor_close,
	.run = trezor_run,
	.unlocked = trezor_unlocked,
	.describe = trezor_describe,
	.abort = trezor_abort,
	.verbs = wallet_verbs,
};

const struct driver keepkey_driver = {
	.name = "keepkey",
	.ops = OPS_KEEPKEY,
	.custody = CUSTODY_DEVICE,
	.open = trezor_open,
	.close = trezor_close,
	.run = trezor_run,
	.unlocked = trezor_unlocked,
	.describe = trezor_describe,
	.abort = trezor_abort,
	.verbs = wallet_verbs,
};
