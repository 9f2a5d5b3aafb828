/* SPDX-License-Identifier: MIT */
/* devices/prober.c with the Trezor driver: who is there, found out off the loop. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/address.h"
#include "tests/unit/test_trezor_bench.h"

TestSuite(trezor_probe, .init = bench_setup, .fini = bench_teardown, .timeout = 60);

#define TREZOR   "trezor_wire.txt"
#define FEATURES "Initialize -> Features"

/* Safe 7: it is listed, so that its owner knows why it does not work. */
Test(trezor_probe, thp)
{
	struct task t = task_new(OP_SIGN, "ssh://a@b", CURVE_ED25519), lock = t;

	script_host("3f23230037");
	script_device("3f2323000300000002"
		      "0811");
	bench_plug(true);
	cr_assert_str_eq(device_info(bench.device)->about, "needs THP, not supported yet");
	task_sign(&t, "000869220f4ae4c10e3f2596edbbc60504bcd57d467ae1d4b6c5f6b157bc790226");
	cr_assert_eq(task_run(&t), ERR_UNSUPPORTED);
	cr_assert(strstr(t.job.why.text, "needs THP, not supported yet"), "%s", t.job.why.text);
	lock.job.op = OP_LOCK; /* there is nothing to lock */
	cr_assert_eq(task_run(&lock), ERR_OK);
	script_end();
}

/* Half a message of another program swallowed the first question. */
Test(trezor_probe, asked_twice)
{
	script_host("3f23230037");
	script_device("3f2323000300000002"
		      "0803");
	script_host("00");
	script_get_features(TREZOR, FEATURES);
	bench_plug(true);
	script_end();
}

/* It waits for a program that was killed: only Cancel is heard. */
Test(trezor_probe, left_at_its_button)
{
	bench.budgets.probe = 90;
	script_any(1 + 2);
	script_host("00");
	script_host("3f23230014");
	script_host("3f23230037");
	script_device("3f2323000300000002"
		      "0804");
	script_replies(TREZOR, FEATURES);
	bench_plug(true);
	script_end();
}

Test(trezor_probe, nobody_answers)
{
	bench_plug(false);
	for (int i = 0; i < 20; i++)
		bench_turn();
	bench_unplug(); /* while it is asked */
	for (int i = 0; i < 4000 && !bench.arrived; i++)
		bench_turn();
	cr_assert_eq(bench.arrived, 0);
	cr_assert_eq(registry_count(bench_registry), 0);
}

/* bench_teardown() closes the registry while the device is asked: it ends, and soon. */
Test(trezor_probe, shutdown_while_asking)
{
	bench.budgets.probe = 20000;
	bench_plug(false);
	for (int i = 0; i < 20; i++)
		bench_turn();
}

/* The same one over UDP and over USB is one; the other way serves when the first is gone. */
Test(trezor_probe, seen_on_two_ways)
{
	script_get_features(TREZOR, FEATURES);
	bench_plug(true);
	script_get_features(TREZOR, FEATURES);
	bench.present_too = true;
	registry_scan(bench_registry);
	for (int i = 0; i < 2000 || script_left(); i++)
		bench_turn();
	script_end();
	cr_assert_eq(bench.arrived, 1);
	cr_assert_eq(registry_count(bench_registry), 1);
	cr_assert_str_eq(device_info(bench.device)->where, "test");
	script_get_features(TREZOR, FEATURES);
	bench_unplug();
	UNTIL(bench.left);
	UNTIL(bench.device);
	cr_assert_str_eq(device_info(bench.device)->where, "other");
	cr_assert_eq(registry_count(bench_registry), 1);
	script_end();
}

/* Nothing tells when another program is done with it: it is looked for, and meanwhile said. */
Test(trezor_probe, another_program_has_it)
{
	struct device *d;
	struct why why = {0};

	bench.claim = ERR_DEVICE_BUSY;
	bench_plug(false);
	UNTIL(registry_trouble(bench_registry, 0));
	cr_assert_str_eq(registry_trouble(bench_registry, 0),
			 "test: another program is using the device");
	cr_assert_eq(registry_find(bench_registry, "trezor:peer", &d, &why), ERR_NO_DEVICE);
	cr_assert_str_eq(why.text,
			 "no device \"trezor:peer\"; test: another program is using the device");
	cr_assert_null(registry_trouble(bench_registry, 1));
	script_get_features(TREZOR, FEATURES);
	bench.claim = ERR_OK;
	UNTIL(bench.device); /* by itself */
	cr_assert_null(registry_trouble(bench_registry, 0));
	script_end();
}

/* Nor when a cable or a hub is itself again. */
Test(trezor_probe, reading_it_failed)
{
	bench.claim = ERR_IO;
	bench_plug(false);
	UNTIL(registry_trouble(bench_registry, 0));
	cr_assert_str_eq(registry_trouble(bench_registry, 0), "test: reading or writing failed");
	script_get_features(TREZOR, FEATURES);
	bench.claim = ERR_OK;
	UNTIL(bench.device); /* by itself */
	cr_assert_null(registry_trouble(bench_registry, 0));
	script_end();
}

/* It has gone before anybody else had done with it. */
Test(trezor_probe, trouble_that_goes)
{
	bench.claim = ERR_PERMISSION;
	bench_plug(false);
	UNTIL(registry_trouble(bench_registry, 0));
	bench_unplug();
	cr_assert_null(registry_trouble(bench_registry, 0));
}

/* Once known, it is not asked again by each scan. */
Test(trezor_probe, asked_once)
{
	script_get_features(TREZOR, FEATURES);
	bench_plug(true);
	registry_scan(bench_registry);
	registry_scan(bench_registry);
	for (int i = 0; i < 50; i++)
		bench_turn();
	script_end();
	cr_assert_eq(bench.arrived, 1);
	bench_unplug();
	UNTIL(bench.left);
	cr_assert_eq(registry_count(bench_registry), 0);
	script_get_features(TREZOR, FEATURES);
	bench_plug(true);
	cr_assert_eq(bench.arrived, 2);
	script_end();
}

/* It comes while its place is still being asked: that is not forgotten when nobody answers. */
Test(trezor_probe, comes_while_asking)
{
	bench.budgets.probe = 90;
	/* Unanswered, each after the first with a packet of zeros, the last with a Cancel. */
	script_any(1 + 2 + 3);
	script_get_features(TREZOR, FEATURES);
	bench_plug(false);
	registry_scan(bench_registry);
	UNTIL(bench.device);
	script_end();
}

/* What a device says cannot break a listing: device_id "A B" ESC, label ESC "[m " ff c3 a9. */
Test(trezor_probe, words_are_cleaned)
{
	script_host("3f23230037");
	script_device("3f232300110000001132044120421b52071b5b6d20ffc3a96001");
	bench_plug(true);
	cr_assert_str_eq(device_info(bench.device)->serial, "A_B_");
	cr_assert_str_eq(device_info(bench.device)->label, "_[m____");
	cr_assert_str_eq(device_info(bench.device)->about, "Trezor One 0.0.0");
}

/* A Trezor's bootloader does not say which one it is in: not listed, but said why. */
Test(trezor_probe, bootloader)
{
	script_host("3f23230037");
	script_device("3f2323001100000002"
		      "2801");
	bench_plug(false);
	UNTIL(registry_trouble(bench_registry, 0));
	cr_assert_str_eq(registry_trouble(bench_registry, 0),
			 "test is in its bootloader: unplug it, and plug it in again");
	script_end();
}

/* An interface that cannot be spoken to is no sign of another protocol. */
Test(trezor_probe, no_interface)
{
	bench.claim = ERR_UNSUPPORTED;
	bench_plug(false);
	UNTIL(registry_trouble(bench_registry, 0));
	cr_assert_eq(bench.arrived, 0);
}

Test(trezor_probe, no_serial_no_device)
{
	script_host("3f23230037");
	script_device("3f2323001100000000");
	bench_plug(false);
	UNTIL(!script_left());
	for (int i = 0; i < 50; i++)
		bench_turn();
	cr_assert_eq(bench.arrived, 0);
	script_end();
}

Test(protocol_address, loopback_only)
{
	static const char *const bad[] = {"",
					  ":",
					  "127.0.0.1",
					  "127.0.0.1:",
					  "127.0.0.1:0",
					  "127.0.0.1:65536",
					  "127.0.0.1:21324 ",
					  "10.0.0.1:21324",
					  "0.0.0.0:1",
					  "localhost:21324",
					  "127.1:21324",
					  "127.000.000.000000000001:5",
					  "[::1]:21324"};
	struct sockaddr_in a;
	struct why why = {0};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(address_parse(&a, bad[i], &why), ERR_INVALID, "%s", bad[i]);
	cr_assert(strstr(why.text, "127.0.0.1:PORT"));
	cr_assert_eq(address_parse(&a, "127.0.0.1:21324", &why), ERR_OK);
	cr_assert_eq(ntohs(a.sin_port), 21324);
	cr_assert_eq(ntohl(a.sin_addr.s_addr), INADDR_LOOPBACK);
	cr_assert_eq(address_parse(&a, "127.255.0.9:1", &why), ERR_OK);
}
