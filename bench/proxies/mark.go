package main

import (
	"regexp"
	"strconv"
)

// A mark is the number of a change, written into what it changes: six digits in the address of an endpoint
// (11.1ab.1cd.1ef) or in a path of a rule (/mark-abcdef). By it an ACK says which change it answers, however many were merged.
var marks = regexp.MustCompile(`(?:^|[^0-9.])11\.1(\d\d)\.1(\d\d)\.1(\d\d)|/mark-(\d\d)(\d\d)(\d\d)`)

// markOf is the newest mark in a resource, or -1.
func markOf(resource []byte) int {
	newest := -1
	for _, found := range marks.FindAllSubmatch(resource, -1) {
		digits := string(found[1]) + string(found[2]) + string(found[3]) + string(found[4]) + string(found[5]) + string(found[6])
		if mark, err := strconv.Atoi(digits); err == nil {
			newest = max(newest, mark)
		}
	}
	return newest
}
