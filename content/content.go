// Package content holds the lessons and assignments that dockerlab brings along. A teacher's folder
// of the same form stands in for them: LANG/lessons/*.md and LANG/assignments/*.md.
package content

import "embed"

// FS has the folders en and zh.
//
//go:embed en zh
var FS embed.FS
