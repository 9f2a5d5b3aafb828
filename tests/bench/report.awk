# SPDX-License-Identifier: MIT
# The results of tests/bench/bench.sh as Markdown. Medians of the rounds; a ratio is the median of the
# ratios within a round.

function median(values, n,    sorted, i, j, v) {
	for (i = 1; i <= n; i++) {
		v = values[i] + 0
		for (j = i - 1; j > 0 && sorted[j] > v; j--)
			sorted[j + 1] = sorted[j]
		sorted[j + 1] = v
	}
	return n % 2 ? sorted[(n + 1) / 2] : (sorted[n / 2] + sorted[n / 2 + 1]) / 2
}

# Three significant digits, no exponent.
function short(v) {
	if (v >= 100)
		return sprintf("%d", v + 0.5)
	return v >= 10 ? sprintf("%.1f", v) : sprintf("%.2f", v)
}

# "12 345"
function grouped(v,    text) {
	text = sprintf("%d", v + 0.5)
	while (match(text, /[0-9][0-9][0-9][0-9]( |$)/))
		text = substr(text, 1, RSTART) " " substr(text, RSTART + 1)
	return text
}

function ratio(what, clients, peer,    r, values) {
	for (r = 1; r <= rounds; r++)
		values[r] = load[what, clients, "lanyard", r, 1] / load[what, clients, peer, r, 1]
	return short(median(values, rounds)) " ×"
}

function of_rounds(what, clients, peer, column,    r, values) {
	for (r = 1; r <= rounds; r++)
		values[r] = load[what, clients, peer, r, column]
	return median(values, rounds)
}

function cell(what, clients, peer) {
	return grouped(of_rounds(what, clients, peer, 1)) "/s · " \
		short(of_rounds(what, clients, peer, 2)) " · " \
		short(of_rounds(what, clients, peer, 3))
}

function name(what, clients) {
	return title[what] ", " clients (clients == 1 ? " client" : " clients")
}

function started(peer, keys,    i, n, values) {
	n = starts[peer, keys]
	if (n == 0)
		return "–"
	for (i = 1; i <= n; i++)
		values[i] = start[peer, keys, i]
	return short(median(values, n) / 1000)
}

# "p50 · p99" of a listing, of the rounds.
function waited(what, state,    i, k, n, text, values) {
	n = waits[what, state]
	if (n == 0)
		return "–"
	for (k = 2; k <= 3; k++) {
		for (i = 1; i <= n; i++)
			values[i] = wait_us[what, state, i, k]
		text = text (k == 2 ? "" : " · ") short(median(values, n))
	}
	return text
}

function per_signature(type, peer) {
	return (instructions[type, peer, 200] - instructions[type, peer, 100]) / 100
}

BEGIN {
	title["list"] = "list 20 keys"
	title["ssh-ed25519"] = "sign ed25519"
	title["ecdsa-sha2-nistp256"] = "sign nistp256"
	split("list ssh-ed25519 ecdsa-sha2-nistp256", whats, " ")
	split("1 8 64", counts, " ")
	split("lanyard openssh gpg floor", peers, " ")
}

$1 == "machine" {machine = substr($0, 9)}
$1 == "program" {program[$2] = substr($0, length($2) + 10)}
$1 == "run" {rounds = $2; idle_clients = $3; idle_seconds = $4}
$1 == "start" {start[$2, $3, ++starts[$2, $3]] = $4}
$1 == "load" {for (i = 1; i <= 3; i++) load[$2, $3, $4, $5, i] = $(5 + i)}
$1 == "idle" {for (i = 1; i <= 4; i++) idle[$2, i] = $(2 + i)}
$1 == "flow" {for (i = 1; i <= 3; i++) flow[$2, i] = $(2 + i)}
$1 == "wait" {waits[$2, $3]++; for (i = 1; i <= 3; i++) wait_us[$2, $3, waits[$2, $3], i] = $(4 + i)}
$1 == "instructions" {instructions[$2, $3, $4] = $5; counted = 1}

END {
	print ""
	print "Machine: " machine "."
	print ""
	print "Programs: " program["lanyard"] "; " program["openssh"] "; " program["gpg"] "; " \
		program["libraries"] "."
	print ""
	print "How many times as fast lanyard-agent is, operations a second:"
	print ""
	print "| | than ssh-agent | than gpg-agent | than the floor |"
	print "|---|---:|---:|---:|"
	for (w = 1; w <= 3; w++)
		for (c = 1; c <= 3; c++)
			print "| " name(whats[w], counts[c]) " | " ratio(whats[w], counts[c], "openssh") \
				" | " ratio(whats[w], counts[c], "gpg") " | " \
				ratio(whats[w], counts[c], "floor") " |"
	print ""
	print "Operations a second · median latency · 99th percentile, both in µs:"
	print ""
	print "| | lanyard-agent | ssh-agent | gpg-agent | floor |"
	print "|---|---:|---:|---:|---:|"
	for (w = 1; w <= 3; w++)
		for (c = 1; c <= 3; c++) {
			printf "| %s", name(whats[w], counts[c])
			for (p = 1; p <= 4; p++)
				printf " | %s", cell(whats[w], counts[c], peers[p])
			print " |"
		}
	print ""
	print "Started, and at rest with 20 keys and " idle_clients " idle clients:"
	print ""
	print "| | lanyard-agent | ssh-agent | gpg-agent | floor |"
	print "|---|---:|---:|---:|---:|"
	print "| start to the first answered listing, ms | " started("lanyard", 0) " | " \
		started("openssh", 0) " | " started("gpg", 0) " | – |"
	print "| start to a listing of 20 keys, ms | " started("lanyard", 20) " | – | " \
		started("gpg", 20) " | – |"
	split("Pss, KiB;RssAnon, KiB;wake-ups in " idle_seconds " s;processes", rows, ";")
	for (i = 1; i <= 4; i++) {
		printf "| %s", rows[i]
		for (p = 1; p <= 4; p++)
			printf " | %s", idle[peers[p], i] == "-" ? "not readable" : grouped(idle[peers[p], i])
		print " |"
	}
	print ""
	print "A signature of a hardware wallet, emulated over UDP, µs:"
	print ""
	print "| | the same packets by a bare client | through lanyard-agent | the difference |"
	print "|---|---:|---:|---:|"
	for (w = 2; w <= 3; w++) {
		printf "| %s", title[whats[w]]
		for (i = 1; i <= 3; i++)
			printf " | %s", grouped(flow[whats[w], i])
		print " |"
	}
	print ""
	print "A listing of 20 keys by one client, median latency · 99th percentile in µs, while for another:"
	print ""
	print "| | nothing is done | a wallet waits 3 s for its button |"
	print "|---|---:|---:|"
	print "| over ssh.sock | " waited("list", "idle") " | " waited("list", "button") " |"
	print "| KEYS over agent.sock | " waited("lines", "idle") " | " waited("lines", "button") " |"
	print ""
	if (!counted)
		exit
	print "Instructions a signature, in thousands (callgrind), and their ratio to the raw ones:"
	print ""
	print "| | lanyard-agent | ssh-agent | raw sign + verify |"
	print "|---|---:|---:|---:|"
	for (w = 2; w <= 3; w++) {
		raw = per_signature(whats[w], "raw")
		printf "| %s", title[whats[w]]
		printf " | %s (%s ×)", grouped(per_signature(whats[w], "lanyard") / 1000), \
			short(per_signature(whats[w], "lanyard") / raw)
		printf " | %s (%s ×)", grouped(per_signature(whats[w], "openssh") / 1000), \
			short(per_signature(whats[w], "openssh") / raw)
		print " | " grouped(raw / 1000) " |"
	}
	print ""
}
