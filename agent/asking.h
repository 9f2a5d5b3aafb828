/* SPDX-License-Identifier: MIT */
/*
 * A driver's questions and notes while a request's job runs: to the request's client, where that
 * may answer, else to the prompt. A client answers for UNLOCK and DEVICE, which it came for, and
 * for the rest in loopback mode (config allow-loopback); never a confirmation. Loop thread only.
 */
#ifndef LANYARD_ASKING_H
#define LANYARD_ASKING_H

#include "agent/agent.h"

/* For the request's job. */
void asking_ask(struct job *job, const struct ask *ask);
void asking_note(struct job *job, const char *text);
/* The job has ended with `e`: what is on the screen goes. May complete job->why. */
void asking_end(struct request *r, enum err e);

/* The request's own client answers its device's questions. */
bool asking_client(const struct request *r);
/* The device is locked: may this request have it unlocked? */
bool asking_may_unlock(const struct request *r);

#endif
