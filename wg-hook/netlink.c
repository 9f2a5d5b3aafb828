/* SPDX-License-Identifier: MIT */
/*
 * The kernel's WireGuard by generic netlink. libmnl's buffers are ours, in locked memory.
 *
 * A change is cut into messages of at most MESSAGE_MAX bytes, each acknowledged by the kernel; a
 * peer whose allowed IPs go past one goes on in the next.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "derive/secret.h"
#include "wg-hook/backend.h"

/* After our headers: it defines WG_KEY_LEN as a macro. */
#include <linux/wireguard.h>

enum {
	ANSWER_MS = 10000,
	MESSAGE_MAX = 16 * 1024,
	/* Room that is kept for a peer without its allowed IPs, and for one allowed IP. */
	PEER_ROOM = 256,
	ALLOWED_ROOM = 64,
	RECEIVE_SIZE = 64 * 1024,
};

struct talk {
	struct mnl_socket *socket;
	const char *iface;
	struct why *why;
	enum err e; /* of a callback */
	struct wg_device *out;
	bool interrupted; /* something changed during the dump: it must be had again */
	uint16_t family;  /* generic netlink's number for "wireguard"; 0: unknown */
	uint32_t sequence;
	struct nlmsghdr *message;
	struct nlattr *peers; /* the open list of peers; NULL without */
	uint8_t in[RECEIVE_SIZE];
	uint8_t bytes[MESSAGE_MAX];
};

static enum err failed(struct talk *t)
{
	switch (errno) {
	case EPERM:
	case EACCES:
		return why_set(
			t->why, ERR_PERMISSION,
			"the kernel lets only root (CAP_NET_ADMIN) see %s's WireGuard: use sudo",
			t->iface);
	case ENODEV:
	case EOPNOTSUPP:
	case ENOENT:
		return why_set(t->why, ERR_NOT_FOUND,
			       "%s is no WireGuard interface of the kernel, and " WG_UAPI_DIR
			       "/%s.sock is not there",
			       t->iface, t->iface);
	default:
		return why_set(t->why, ERR_IO, "the kernel refused a change of %s: %m", t->iface);
	}
}

static enum err talk_open(struct talk **out, const char *iface, struct why *why)
{
	struct talk *t = secret_alloc(sizeof(*t));

	*out = t;
	if (!t)
		return why_set(why, ERR_NO_MEMORY, "%s", err_text(ERR_NO_MEMORY));
	t->iface = iface;
	t->why = why;
	t->socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!t->socket || mnl_socket_bind(t->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return why_set(why, ERR_IO, "cannot open a netlink socket: %m");
	return ERR_OK;
}

static void talk_close(struct talk *t)
{
	if (t && t->socket)
		mnl_socket_close(t->socket);
	secret_free_mem(t);
}

/* Starts a message to generic netlink's `family`. */
static void message_start(struct talk *t, uint16_t family, uint8_t command, uint8_t version,
			  uint16_t flags)
{
	struct genlmsghdr *head;

	secret_wipe(t->bytes, sizeof(t->bytes));
	t->message = mnl_nlmsg_put_header(t->bytes);
	t->message->nlmsg_type = family;
	t->message->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	t->message->nlmsg_seq = ++t->sequence;
	head = mnl_nlmsg_put_extra_header(t->message, sizeof(*head));
	head->cmd = command;
	head->version = version;
}

/* Sends the message and gives each answer to `take` until the last. */
static enum err message_send(struct talk *t, mnl_cb_t take)
{
	struct pollfd p = {.fd = mnl_socket_get_fd(t->socket), .events = POLLIN};
	unsigned port = mnl_socket_get_portid(t->socket);
	int result = 1;

	if (mnl_socket_sendto(t->socket, t->message, t->message->nlmsg_len) < 0)
		return failed(t);
	while (result > MNL_CB_STOP) {
		ssize_t n;

		if (poll(&p, 1, ANSWER_MS) == 0)
			return why_set(t->why, ERR_TIMEOUT,
				       "the kernel did not answer about %s in %d seconds", t->iface,
				       ANSWER_MS / 1000);
		n = mnl_socket_recvfrom(t->socket, t->in, sizeof(t->in));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(t);
		result = mnl_cb_run(t->in, (size_t)n, t->sequence, port, take, t);
	}
	if (t->e != ERR_OK)
		return t->e;
	t->interrupted = result < 0 && errno == EINTR;
	return result < 0 ? failed(t) : ERR_OK;
}

static int take_family(const struct nlattr *attribute, void *arg)
{
	struct talk *t = arg;

	if (mnl_attr_get_type(attribute) == CTRL_ATTR_FAMILY_ID &&
	    mnl_attr_validate(attribute, MNL_TYPE_U16) == 0)
		t->family = mnl_attr_get_u16(attribute);
	return MNL_CB_OK;
}

static int take_control(const struct nlmsghdr *message, void *arg)
{
	return mnl_attr_parse(message, sizeof(struct genlmsghdr), take_family, arg);
}

static enum err find_family(struct talk *t)
{
	enum err e;

	message_start(t, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1, NLM_F_ACK);
	mnl_attr_put_strz(t->message, CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);
	e = message_send(t, take_control);
	if (e == ERR_NOT_FOUND || (e == ERR_OK && t->family == 0))
		return why_set(t->why, ERR_NOT_FOUND,
			       "this kernel has no WireGuard, and " WG_UAPI_DIR
			       "/%s.sock is not there: is %s up?",
			       t->iface, t->iface);
	return e;
}

static int take_device(const struct nlmsghdr *message, void *arg)
{
	struct talk *t = arg;
	struct rbuf r = rbuf_new(mnl_nlmsg_get_payload(message),
				 mnl_nlmsg_get_payload_len(message));

	rbuf_bytes(&r, sizeof(struct genlmsghdr));
	if (r.bad)
		t->e = why_set(t->why, ERR_SYNTAX,
			       "the kernel's answer about WireGuard makes no sense");
	else
		t->e = wg_netlink_parse(t->out, rbuf_bytes(&r, r.n), t->why);
	return t->e == ERR_OK ? MNL_CB_OK : MNL_CB_ERROR;
}

static enum err get_once(struct wg_device *out, const char *iface, bool *interrupted,
			 struct why *why)
{
	struct talk *t;
	enum err e = talk_open(&t, iface, why);

	if (e == ERR_OK)
		e = find_family(t);
	if (e == ERR_OK) {
		t->out = out;
		message_start(t, t->family, WG_CMD_GET_DEVICE, WG_GENL_VERSION,
			      NLM_F_ACK | NLM_F_DUMP);
		mnl_attr_put_strz(t->message, WGDEVICE_A_IFNAME, iface);
		e = message_send(t, take_device);
		*interrupted = t->interrupted;
	}
	talk_close(t);
	return e;
}

static enum err netlink_get(struct wg_device *out, const char *iface, struct why *why)
{
	bool interrupted = true;
	enum err e = ERR_OK;

	for (int tries = 0; interrupted && tries < 5; tries++) {
		interrupted = false;
		wg_device_free(out);
		e = get_once(out, iface, &interrupted, why);
	}
	return e;
}

static void change_start(struct talk *t)
{
	message_start(t, t->family, WG_CMD_SET_DEVICE, WG_GENL_VERSION, NLM_F_ACK);
	mnl_attr_put_strz(t->message, WGDEVICE_A_IFNAME, t->iface);
	t->peers = NULL;
}

static enum err change_send(struct talk *t)
{
	if (t->peers)
		mnl_attr_nest_end(t->message, t->peers);
	return message_send(t, NULL);
}

static bool change_has_room(const struct talk *t, size_t n)
{
	return t->message->nlmsg_len + n <= sizeof(t->bytes);
}

/* Opens a peer in the message, or in a new one when this is full; NULL after an error. */
static struct nlattr *peer_start(struct talk *t, const struct wg_peer *p, uint32_t flags)
{
	struct nlattr *nest;

	if (!change_has_room(t, PEER_ROOM)) {
		t->e = change_send(t);
		if (t->e != ERR_OK)
			return NULL;
		change_start(t);
	}
	if (!t->peers)
		t->peers = mnl_attr_nest_start(t->message, WGDEVICE_A_PEERS);
	nest = mnl_attr_nest_start(t->message, 0);
	mnl_attr_put(t->message, WGPEER_A_PUBLIC_KEY, WG_KEY_LEN, p->public_key);
	mnl_attr_put_u32(t->message, WGPEER_A_FLAGS, flags);
	return nest;
}

static void put_allowed(struct talk *t, const struct wg_allowed *a)
{
	struct nlattr *nest = mnl_attr_nest_start(t->message, 0);

	mnl_attr_put_u16(t->message, WGALLOWEDIP_A_FAMILY, a->family);
	mnl_attr_put(t->message, WGALLOWEDIP_A_IPADDR, a->family == AF_INET ? 4 : 16, a->address);
	mnl_attr_put_u8(t->message, WGALLOWEDIP_A_CIDR_MASK, a->cidr);
	mnl_attr_nest_end(t->message, nest);
}

/* The rest of a peer that is made; it may need further messages. `nest` is the open peer. */
static enum err put_full(struct talk *t, const struct wg_device *change, const struct wg_peer *p,
			 struct nlattr *nest)
{
	struct nlattr *list;

	if (p->endpoint.any.sa_family == AF_INET)
		mnl_attr_put(t->message, WGPEER_A_ENDPOINT, sizeof(p->endpoint.in),
			     &p->endpoint.in);
	else if (p->endpoint.any.sa_family == AF_INET6)
		mnl_attr_put(t->message, WGPEER_A_ENDPOINT, sizeof(p->endpoint.in6),
			     &p->endpoint.in6);
	mnl_attr_put_u16(t->message, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, p->keepalive);
	list = mnl_attr_nest_start(t->message, WGPEER_A_ALLOWEDIPS);
	for (uint32_t i = 0; i < p->allowed_count; i++) {
		if (!change_has_room(t, ALLOWED_ROOM)) {
			mnl_attr_nest_end(t->message, list);
			mnl_attr_nest_end(t->message, nest);
			nest = peer_start(t, p, 0);
			if (!nest)
				return t->e;
			list = mnl_attr_nest_start(t->message, WGPEER_A_ALLOWEDIPS);
		}
		put_allowed(t, &change->allowed[p->allowed + i]);
	}
	mnl_attr_nest_end(t->message, list);
	mnl_attr_nest_end(t->message, nest);
	return ERR_OK;
}

static enum err put_peer(struct talk *t, const struct wg_device *change, const struct wg_peer *p)
{
	bool removed = p->flags & WG_PEER_REMOVE, full = p->flags & WG_PEER_FULL;
	struct nlattr *nest = peer_start(t, p,
					 removed ? WGPEER_F_REMOVE_ME
					 : full  ? WGPEER_F_REPLACE_ALLOWEDIPS
						 : WGPEER_F_UPDATE_ONLY);

	if (!nest)
		return t->e;
	if (!removed && (p->flags & WG_PEER_PSK))
		mnl_attr_put(t->message, WGPEER_A_PRESHARED_KEY, WG_KEY_LEN, p->psk);
	if (!removed && full)
		return put_full(t, change, p, nest);
	mnl_attr_nest_end(t->message, nest);
	return ERR_OK;
}

static enum err netlink_set(const char *iface, const struct wg_device *change, struct why *why)
{
	struct talk *t;
	enum err e = talk_open(&t, iface, why);

	if (e == ERR_OK)
		e = find_family(t);
	if (e == ERR_OK) {
		change_start(t);
		if (change->set_private)
			mnl_attr_put(t->message, WGDEVICE_A_PRIVATE_KEY, WG_KEY_LEN,
				     change->private_key);
		for (size_t i = 0; e == ERR_OK && i < change->count; i++)
			e = put_peer(t, change, &change->peers[i]);
		if (e == ERR_OK)
			e = change_send(t);
	}
	talk_close(t);
	return e;
}

const struct wg_backend wg_netlink = {
	.name = "the kernel's WireGuard",
	.get = netlink_get,
	.set = netlink_set,
};
