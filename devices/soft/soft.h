/* SPDX-License-Identifier: MIT */
/*
 * The software device: a seed in a file below $XDG_DATA_HOME/lanyard/soft, used in locked memory
 * (custody: agent). Label = the file's name.
 */
#ifndef LANYARD_SOFT_H
#define LANYARD_SOFT_H

#include "devices/device.h"

extern const struct driver soft_driver;

#endif
